"""A file system on which every write succeeds, and only later calls report a lack of space.

late_errors.py DIRECTORY ROOM PROGRAM ARGUMENT...  mounts it on DIRECTORY in a new mount namespace, then
executes PROGRAM. As on a network file system, data beyond ROOM bytes is lost, which fsync and close report. It
implements the kernel's FUSE protocol in a process that ends with PROGRAM.
"""

import ctypes
import errno
import os
import signal
import stat
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC, MS_PRIVATE, PR_SET_PDEATHSIG = 0x20000, 0x4000, 0x40000, 1
ROOT = 1
NOREPLACE = 1
(LOOKUP, FORGET, GETATTR, SETATTR) = (1, 2, 3, 4)
(MKDIR, UNLINK, RMDIR, RENAME, OPEN, READ, WRITE, STATFS) = (9, 10, 11, 12, 14, 15, 16, 17)
(RELEASE, FSYNC, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR) = (18, 20, 25, 26, 27, 28, 29, 30)
(CREATE, INTERRUPT, BATCH_FORGET, RENAME2) = (35, 36, 42, 45)


class FileSystem:
    """One folder with files in it, in memory."""

    def __init__(self, room):
        self.room = room
        self.names = {}
        self.files = {}
        self.next = ROOT + 1

    def attributes(self, node):
        if node == ROOT:
            mode, size = stat.S_IFDIR | 0o755, 0
        else:
            mode, size = stat.S_IFREG | 0o644, len(self.files[node])
        return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def entry(self, node):
        return struct.pack("<4Q2I", node, 0, 0, 0, 0, 0) + self.attributes(node)

    def settle(self, node):
        """Keeps as much of the file as fits, and raises an error if that is not all."""
        content = self.files[node]
        if len(content) > self.room:
            del content[self.room :]
            raise OSError(errno.EDQUOT, "no room")

    def answer(self, operation, node, body):
        if operation == INIT:
            return struct.pack("<4I2H3I7I", 7, 31, 65536, 0, 16, 12, 131072, 1, 0, *[0] * 7)
        if operation == LOOKUP:
            return self.entry(self.named(text(body)))
        if operation == GETATTR:
            return struct.pack("<Q2I", 0, 0, 0) + self.attributes(node)
        if operation == SETATTR:
            valid, _, _, size = struct.unpack_from("<2I2Q", body)
            if valid & 8:
                self.files[node] = self.files[node][:size].ljust(size, b"\0")
            return struct.pack("<Q2I", 0, 0, 0) + self.attributes(node)
        if operation == CREATE:
            name, node, self.next = text(body[16:]), self.next, self.next + 1
            self.names[name], self.files[node] = node, bytearray()
            return self.entry(node) + struct.pack("<Q2I", node, 0, 0)
        if operation in (OPEN, OPENDIR):
            return struct.pack("<Q2I", node, 0, 0)
        if operation == WRITE:
            _, offset, size = struct.unpack_from("<2QI", body)
            content = self.files[node]
            content.extend(bytes(max(0, offset + size - len(content))))
            content[offset : offset + size] = body[40 : 40 + size]
            return struct.pack("<2I", size, 0)
        if operation == READ:
            _, offset, size = struct.unpack_from("<2QI", body)
            return bytes(self.files[node][offset : offset + size])
        if operation in (FLUSH, FSYNC):
            self.settle(node)
            return b""
        if operation in (RELEASE, RELEASEDIR, FSYNCDIR):
            return b""
        if operation == READDIR:
            return self.listing(*struct.unpack_from("<2QI", body)[1:])
        if operation == UNLINK:
            self.named(text(body))
            del self.names[text(body)]
            return b""
        if operation == RENAME:
            return self.rename(0, body[8:])
        if operation == RENAME2:
            return self.rename(struct.unpack_from("<QI", body)[1], body[16:])
        if operation == STATFS:
            return struct.pack("<5Q4I24x", 1 << 20, 1 << 20, 1 << 20, 100, 100, 4096, 255, 4096, 0)
        raise OSError(errno.ENOSYS, "not needed")

    def named(self, name):
        if name not in self.names:
            raise OSError(errno.ENOENT, name)
        return self.names[name]

    def listing(self, offset, size):
        entries = b""
        for number, (name, node) in enumerate(list(self.names.items())[offset:], offset + 1):
            name = name.encode()
            entry = struct.pack("<2Q2I", node, number, len(name), stat.S_IFREG >> 12) + name
            entry += bytes(-len(entry) % 8)
            if len(entries) + len(entry) > size:
                break
            entries += entry
        return entries

    def rename(self, flags, names):
        old, new = (name.decode() for name in names.split(b"\0")[:2])
        if flags & ~NOREPLACE:
            raise OSError(errno.EINVAL, "names cannot be swapped")
        if flags and new in self.names:
            raise OSError(errno.EEXIST, new)
        self.names[new] = self.named(old)
        del self.names[old]
        return b""


def text(body):
    return body.split(b"\0")[0].decode()


def serve(device, file_system):
    while True:
        try:
            request = os.read(device, 1 << 20)
        except OSError:
            return
        _, operation, unique, node = struct.unpack_from("<2I2Q", request)
        if operation in (FORGET, BATCH_FORGET, INTERRUPT):
            continue
        try:
            code, reply = 0, file_system.answer(operation, node, request[40:])
        except OSError as error:
            code, reply = -error.errno, b""
        os.write(device, struct.pack("<Ii", 16 + len(reply), code) + struct.pack("<Q", unique) + reply)


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), "cannot mount")


def main():
    directory, room, *program = sys.argv[1:]
    check(LIBC.unshare(CLONE_NEWNS))
    check(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    check(LIBC.mount(b"late", directory.encode(), b"fuse", 0, options.encode()))
    parent = os.getpid()
    if os.fork() == 0:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            serve(device, FileSystem(int(room)))
        os._exit(0)
    os.close(device)
    os.execv(program[0], program)


main()
