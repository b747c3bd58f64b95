"""Algorithms on arrays: what the engine's functions are made of. Nothing here knows Tensors.

One family a file, in array functions; what runs on a GPU instead is in the file of the same name in `cuda`.

Images are (N, C, H, W) logically and (H, W, N, C) in memory, weights (O, C, KH, KW) logically and (KH, KW, C, O) in
memory: the *native* order (`layout`). With pixels first, a linear map on pixels (Cook-Toom's transforms) and one on
channels (its products, and im2col's) are both plain matrix products on the array as it lies, and a strided window is
a copy of long runs. NumPy's elementwise functions keep the memory order of their inputs, so what lies between two
convolutions stays native by itself. The kernels take any order, at the price of a copy, and return the native one.
"""
