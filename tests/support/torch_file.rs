//! Checkpoints as PyTorch writes them, made by hand.

/// A tensor of a checkpoint, and how it lies in its storage.
#[derive(Clone)]
pub struct Entry {
    pub name: String,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
    /// Which storage, counted from 0.
    pub storage: usize,
    pub offset: usize,
}

impl Entry {
    /// One that fills a storage of its own, row by row.
    pub fn whole(name: impl Into<String>, shape: &[usize], storage: usize) -> Self {
        let strides = (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect();
        Self { name: name.into(), shape: shape.to_vec(), strides, storage, offset: 0 }
    }
}

/// `{"weight": tensor}` as `torch.save` writes it.
pub fn zip_checkpoint(values: &[f32]) -> Vec<u8> {
    torch_zip(&[Entry::whole("weight", &[values.len()], 0)], &[values.to_vec()], "cpu", None)
}

/// `{name: tensor, ...}`, or `{wrapper: {name: tensor, ...}, ...}` beside what trainers keep, as `torch.save` writes it.
pub fn torch_zip(entries: &[Entry], storages: &[Vec<f32>], location: &str, wrapper: Option<&str>) -> Vec<u8> {
    let tensors = dictionary(entries, storages, location, false);
    let mut pickle = b"\x80\x02".to_vec();
    match wrapper {
        None => pickle.extend(tensors),
        Some(wrapper) => {
            pickle.extend(b"}(");
            pickle.extend(text(wrapper));
            pickle.extend(tensors);
            pickle.extend(beside());
            pickle.push(b'u');
        }
    }
    pickle.push(b'.');
    let bytes: Vec<Vec<u8>> = storages.iter().map(|values| little_endian(values)).collect();
    let names: Vec<String> = (0..storages.len()).map(|i| format!("archive/data/{i}")).collect();
    let mut files: Vec<(&str, &[u8])> = vec![("archive/data.pkl", &pickle)];
    files.extend(names.iter().map(String::as_str).zip(bytes.iter().map(Vec::as_slice)));
    files.push(("archive/version", b"3\n"));
    zip(&files)
}

/// `{name: tensor, ...}` as `torch.save` wrote it before PyTorch 1.6: pickles one after another, then the storages.
pub fn torch_before_zip(entries: &[Entry], storages: &[Vec<f32>]) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}(".to_vec();
    file.extend([text("protocol_version"), integer(1001), text("little_endian"), vec![0x88]].concat());
    file.extend([text("type_sizes"), b"}(".to_vec(), text("short"), integer(2), text("int"), integer(4)].concat());
    file.extend([text("long"), integer(4), b"uu.".to_vec()].concat());
    file.extend([b"\x80\x02".to_vec(), dictionary(entries, storages, "cpu", true), b".\x80\x02](".to_vec()].concat());
    (0..storages.len()).for_each(|i| file.extend(text(&i.to_string())));
    file.extend(b"e.");
    for values in storages {
        file.extend((values.len() as u64).to_le_bytes());
        file.extend(little_endian(values));
    }
    file
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

fn integer(value: usize) -> Vec<u8> {
    [b"J".as_slice(), &(value as i32).to_le_bytes()].concat()
}

fn tuple(values: &[usize]) -> Vec<u8> {
    [b"(".to_vec(), values.iter().flat_map(|&value| integer(value)).collect(), b"t".to_vec()].concat()
}

fn dictionary(entries: &[Entry], storages: &[Vec<f32>], location: &str, before_zip: bool) -> Vec<u8> {
    let mut pickle = b"}(".to_vec();
    for Entry { name, shape, strides, storage, offset } in entries {
        pickle.extend(text(name));
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        pickle.extend([text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text(&storage.to_string())].concat());
        pickle.extend([text(location), integer(storages[*storage].len())].concat());
        pickle.extend(if before_zip { b"NtQ".as_slice() } else { b"tQ" });
        pickle.extend([integer(*offset), tuple(shape), tuple(strides)].concat());
        pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    pickle.push(b'u');
    pickle
}

/// What else a trainer keeps: steps, an `argparse.Namespace`, a set and a numpy number.
fn beside() -> Vec<u8> {
    let arguments = [b"cargparse\nNamespace\n)\x81}(".to_vec(), text("lr"), text("1e-4"), b"ub".to_vec()].concat();
    let set = [b"c__builtin__\nset\n](".to_vec(), integer(1), integer(2), b"e\x85R".to_vec()].concat();
    let number = b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00f8K\x00K\x01\x87R(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbC\x08\x00\x00\x00\x00\x00\x00\xf0?\x86R";
    [
        [text("epoch"), integer(7)].concat(),
        [text("args"), arguments].concat(),
        [text("classes"), set].concat(),
        [text("best"), number.to_vec()].concat(),
    ]
    .concat()
}

/// A zip archive of stored entries.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let offset = out.len() as u32;
        let mut common = Vec::new();
        common.extend([20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        common.extend(crc32(data).to_le_bytes());
        common.extend((data.len() as u32).to_le_bytes());
        common.extend((data.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(*data);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// The checksum of zip and of PNG.
pub fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}
