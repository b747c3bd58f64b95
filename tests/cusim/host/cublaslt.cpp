// libcublasLt.so.13: cuBLAS depends on it, so that CuPy looks for it; nothing of it is called.
