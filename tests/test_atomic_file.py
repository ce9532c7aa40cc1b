"""Writing replaces the content of what a path names, and nothing else about it."""

import os
import stat
import threading

import pytest

from sklearn_digits._persistence.atomic_file import written_atomically

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes and modes")


def write(path, content=b"new"):
    with written_atomically(path) as file:
        file.write(content)


def test_a_symbolic_link_stays_one_and_its_target_is_replaced(tmp_path):
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_link_to_nothing_makes_what_it_points_to(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    write(link)
    assert (tmp_path / "target").read_bytes() == b"new"
    assert link.is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_permissions_stay(mode, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


def test_a_pipe_passes_on_what_is_written(tmp_path):
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    content = b"x" * 300_000  # more than a pipe holds

    def drain():  # nothing is read until somebody writes
        while sum(map(len, read)) < len(content):
            read.append(os.read(reader, 2**16))

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    write(path, content)
    thread.join(timeout=60)
    os.close(reader)
    assert b"".join(read) == content
    assert path.is_fifo()


def test_a_pipe_that_nobody_reads_from_is_named(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.warns(UserWarning, match="Nobody reads from the pipe .*pipe"):
        write(path, b"x" * 300_000)
    assert path.is_fifo()


def test_a_device_stays_a_device():
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_folder_is_named(tmp_path):
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        write(tmp_path)


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127])
def test_names_may_be_as_long_as_the_file_system_takes(name, tmp_path):
    write(tmp_path / name)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
