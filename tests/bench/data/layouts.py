"""Images written in the layouts of other tools."""

import io
import json
import tarfile


def write_parquet(path, names, files, labels, classes=(), columns=("image", "label"), row_group_size=100):
    """A parquet file as the hub's tools write it; the path."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    images = [{"bytes": file, "path": name} for name, file in zip(names, files, strict=True)]
    image_type = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    arrays = [pa.array(images, image_type) if columns[0] == "image" else pa.array(labels), pa.array(labels)]
    table = pa.Table.from_arrays(arrays, list(columns))
    if classes:
        label = {"names": list(classes), "_type": "ClassLabel"}
        info = {"info": {"features": {"image": {"_type": "Image"}, "label": label}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


def write_shard(path, members):
    """A .tar with these members, bytes or text by name; the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path
