"""Writes a small wheel to standard output as to a pipe that cannot be rewound: with data descriptors."""

import base64
import hashlib
import io
import sys
import zipfile


class Pipe(io.RawIOBase):
    def writable(self):
        return True

    def write(self, data):
        return sys.stdout.buffer.write(data)


files = {
    "streamed_lib/__init__.py": b"value = 1\n" * 200,
    "streamed_lib/empty.py": b"",
    "streamed_lib-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: streamed_lib\nVersion: 1.0\n",
    "streamed_lib-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
rows = [
    f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
    for name, data in files.items()
]
files["streamed_lib-1.0.dist-info/RECORD"] = "\n".join([*rows, "streamed_lib-1.0.dist-info/RECORD,,", ""]).encode()
with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:
    for name, data in files.items():
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o100644 << 16
        archive.writestr(info, data)
