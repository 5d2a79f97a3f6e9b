"""zstd:chunked layers as podman writes them: pack(tar) gives the blob and the annotations of its descriptor.

Each file's content is one or more zstd frames of its own, cut where the content says so, runs of zeros apart; the headers
before it are another one. Behind them, in skippable frames: the table of contents, the tar-split, the footer.
"""

import base64
import ctypes
import ctypes.util
import hashlib
import io
import json
import re
import struct
import tarfile

PREFIX = 'io.github.containers.zstd-chunked.'
TYPES = {tarfile.REGTYPE: 'reg', tarfile.AREGTYPE: 'reg', tarfile.LNKTYPE: 'hardlink', tarfile.SYMTYPE: 'symlink',
         tarfile.CHRTYPE: 'char', tarfile.BLKTYPE: 'block', tarfile.DIRTYPE: 'dir', tarfile.FIFOTYPE: 'fifo'}
# Where podman rolls a checksum over the content we look for bytes that are as rare: both follow the content.
CUT = re.compile(rb'(?s)\0{1024,}|[^\0]\x5a\xa5')

_zstd = ctypes.CDLL('libzstd.so.1')
_zstd.ZSTD_compressBound.restype = _zstd.ZSTD_compress.restype = ctypes.c_size_t
_zstd.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
_zstd.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]


def frame(data, level=3):
    out = ctypes.create_string_buffer(_zstd.ZSTD_compressBound(len(data)))
    size = _zstd.ZSTD_compress(out, len(out), data, len(data), level)
    return out.raw[:size]


def skippable(data):
    return struct.pack('<II', 0x184D2A50, len(data)) + data


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def pieces(data):
    """(bytes, whether they are a run of zeros), whose joined bytes are `data`."""
    at = 0
    for found in CUT.finditer(data):
        zeros = found[0][0] == 0
        end = found.start() if zeros else found.end()
        if end > at:
            yield data[at:end], False
        if zeros:
            yield found[0], True
        at = found.end()
    if at < len(data):
        yield data[at:], False


def entry_of(member):
    entry = {'type': TYPES[member.type], 'name': member.name + ('/' if member.isdir() else ''), 'mode': member.mode}
    if member.linkname:
        entry['linkName'] = member.linkname
    for key, value in (('size', member.size), ('uid', member.uid), ('gid', member.gid), ('devMajor', member.devmajor),
                       ('devMinor', member.devminor)):
        if value:
            entry[key] = value
    entry['modtime'] = '2024-01-01T00:00:00Z'
    xattrs = {k.removeprefix('SCHILY.xattr.'): base64.b64encode(v.encode()).decode()
              for k, v in member.pax_headers.items() if k.startswith('SCHILY.xattr.')}
    if xattrs:
        entry['xattrs'] = xattrs
    return entry


def split_line(**what):
    split_line.position += 1
    return json.dumps({**what, 'position': split_line.position - 1}, separators=(',', ':')) + '\n'


def pack(tar, split=True, edit=None, edit_split=None, prefix=PREFIX):
    """`edit` gets the table of contents, `edit_split` the lines, before they are packed and signed."""
    blob, entries, lines = bytearray(), [], []
    split_line.position = 0
    raw_from = pending = 0  # raw bytes: not in the tar-split yet, not in the blob yet
    for member in tarfile.open(fileobj=io.BytesIO(tar)):
        begin, end = member.offset_data, member.offset_data + (member.size if member.isreg() else 0)
        lines.append(split_line(type=2, payload=base64.b64encode(tar[raw_from:begin]).decode()))
        lines.append(split_line(type=1, name=member.name, **({'size': end - begin} if end > begin else {}),
                                payload=base64.b64encode(bytes(8)).decode() if end > begin else None))
        raw_from = end
        entry = entry_of(member)
        entries.append(entry)
        if end == begin:
            continue
        blob += frame(tar[pending:begin])
        pending = end
        entry.update(digest=digest(tar[begin:end]), offset=len(blob))
        chunks, at = [], 0
        for data, zeros in pieces(tar[begin:end]):
            chunks.append({'offset': len(blob), 'chunkSize': len(data), 'chunkDigest': digest(data),
                           **({'chunkOffset': at} if at else {}), **({'chunkType': 'zeros'} if zeros else {})})
            blob += frame(data)
            at += len(data)
        entry['endOffset'] = len(blob)
        if len(chunks) > 1:
            entry.update(chunks[0])
            entries += [{'type': 'chunk', 'name': entry['name'], **chunk} for chunk in chunks[1:]]
    lines.append(split_line(type=2, payload=base64.b64encode(tar[raw_from:]).decode()))
    blob += frame(tar[pending:])
    toc = {'version': 1, 'entries': entries}
    if edit_split:
        lines = edit_split(lines)
    packed_split = frame(''.join(lines).encode())
    if split:
        toc['tarSplitDigest'] = digest(packed_split)
    if edit and (edited := edit(toc)) is not None:
        toc = edited
    plain = toc if isinstance(toc, bytes) else json.dumps(toc, separators=(',', ':')).encode()
    packed = frame(plain)
    place = len(blob) + 8
    annotations = {prefix + 'manifest-position': f'{place}:{len(packed)}:{len(plain)}:1',
                   prefix + 'manifest-checksum': digest(packed)}
    blob += skippable(packed)
    numbers = [place, len(packed), len(plain), 1, 0, 0, 0]
    if split:
        numbers[4:] = [len(blob) + 8, len(packed_split), sum(len(line.encode()) for line in lines)]
        annotations[prefix + 'tarsplit-position'] = ':'.join(map(str, numbers[4:]))
        blob += skippable(packed_split)
    blob += skippable(struct.pack('<6Q', *numbers[:3], numbers[3], *numbers[4:6]) + struct.pack('<Q', numbers[6])
                      + b'GNUlInUx')
    return bytes(blob), annotations


def add_image(store, repository, tag, tars, **options):
    """As fake_registry.Store.add_image; gives the image, whose layers are (digest, blob) of the packed tars."""
    layers = []

    def edit(manifest):
        for descriptor, tar in zip(manifest['layers'], tars):
            blob, annotations = pack(tar, **options)
            layers.append((store.add_blob(blob), blob))
            descriptor.update(digest=layers[-1][0], size=len(blob), annotations=annotations,
                              mediaType='application/vnd.oci.image.layer.v1.tar+zstd')
    image = store.add_image(repository, tag, tars, flavour='oci', compress='none', edit_manifest=edit)
    image.layers = layers
    return image
