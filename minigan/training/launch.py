"""MPI: the processes that mpiexec started, how they become a `ProcessGroup`, and how they end when one of them fails.

mpi4py is imported only by `join`. A script of your own that does not end through `end` is best run
by `mpiexec -n 2 python -m mpi4py script.py`, which ends all processes when one of them fails.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import time
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup
from minigan.extras import install_command
from minigan.options import ConfigError
from minigan.training.errors import TrainingError

if TYPE_CHECKING:
    from mpi4py import MPI

TIMEOUT = 2.0  # seconds in which all processes that fail for one reason are expected to say so
LAUNCHERS = ("PMI", "OMPI_COMM_WORLD")  # whose …_RANK and …_SIZE mpiexec sets: MPICH, Intel, Microsoft; Open MPI

_group = SINGLE_PROCESS  # that this process has joined: MPI is one for a whole process


def join() -> ProcessGroup:
    """The group of all processes that mpiexec started; of this one alone, if it was started without.

    From now on only the first of them is heard.
    """
    global _group
    rank, launched = launched_as()
    if rank:
        silence_output()  # at once: what stops them here stops all, and is said once
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # mpi4py, or the MPI library that it looks for
        raise TrainingError(
            f"--data-parallel works through MPI, which cannot be loaded ({str(error).splitlines()[0]}): "
            f"{install_command('mpi')}"
        ) from None
    if launched > 1 and MPI.COMM_WORLD.size == 1:
        library = MPI.Get_library_version().split(",")[0].splitlines()[0].strip("\0 ")
        raise ConfigError(
            f"mpiexec started {launched} processes, but they do not see each other: it is not the mpiexec of the MPI "
            f"that mpi4py found here ({library})"
        )
    comm = MPI.COMM_WORLD.Dup()  # the world itself is for `end`, whatever is under way here
    _group = ProcessGroup(comm, comm.Split_type(MPI.COMM_TYPE_SHARED), _takes_device_arrays(comm))
    if not _group.is_main:
        silence_output()
    return _group


def launched_as() -> tuple[int, int]:
    """This process' rank, and how many there are, as mpiexec says; (0, 1) without it."""
    for launcher in LAUNCHERS:
        rank, size = (os.environ.get(f"{launcher}_{what}", "") for what in ("RANK", "SIZE"))
        if rank.isdecimal() and size.isdecimal():
            return int(rank), int(size)
    return 0, 1


def silence_output() -> None:
    """Print nothing from now on."""
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")


def end(say: Callable[[str], None], message: str, code: int) -> None:
    """End all processes, as this one has failed: `message` says why, `code` is the exit code.

    If all fail for one reason, as they do by a wrong option, the first says so for all, and each
    ends by itself. Else the one that failed speaks, and takes the others, which wait for it, along.
    """
    if _group.is_main:
        say(message)
    if _group.size == 1:
        return
    from mpi4py import MPI

    request, deadline = MPI.COMM_WORLD.Ibarrier(), time.monotonic() + TIMEOUT
    while not request.Test():
        if time.monotonic() > deadline:
            if not _group.is_main:
                sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
                say(f"{message} (process {_group.rank} of 0 to {_group.size - 1}, on {platform.node()})")
            for stream in (sys.stdout, sys.stderr):
                _until_taken(stream)
            MPI.COMM_WORLD.Abort(code)
            os._exit(code)  # MPICH's Abort may come back: it asks mpiexec to end all, which takes a moment
        time.sleep(0.01)


def _until_taken(stream: TextIO) -> None:
    """Wait until mpiexec has read what was printed: what it has not read when it ends all processes may be lost.

    Only Linux and its like tell; elsewhere nothing is waited for.
    """
    stream.flush()
    deadline, waiting = time.monotonic() + TIMEOUT, array("i", [1])
    with suppress(ImportError, OSError, ValueError):
        from fcntl import ioctl
        from termios import FIONREAD

        while waiting[0] and time.monotonic() < deadline:
            time.sleep(0.05)  # and a little for passing it on
            ioctl(stream.fileno(), FIONREAD, waiting)


def _takes_device_arrays(comm: MPI.Comm) -> bool:
    """Whether MPI takes arrays that lie on a GPU.

    MPI 4.1 tells the kinds of memory it knows; before, MPICH and Open MPI had functions of their own.
    """
    from mpi4py import MPI

    if "cuda" in (comm.Get_info().get("mpi_memory_alloc_kinds") or ""):
        return True
    answer = ctypes.c_int(0)
    library = ctypes.CDLL(MPI.__file__)
    with suppress(AttributeError):
        return bool(library.MPIX_Query_cuda_support())
    with suppress(AttributeError):
        library.MPIX_GPU_query_support(0, ctypes.byref(answer))  # 0: MPIX_GPU_SUPPORT_CUDA
    return bool(answer.value)
