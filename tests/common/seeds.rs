//! Small valid files for each parser, from which mutations and fuzzing start.
#![allow(dead_code, reason = "each user takes a part")]

use image::ImageFormat;

use super::makers::{
    Png, array, chunk, cmyk_jpeg, encoded, exif, flat_jpeg, flat_png, grey_png, gzip, idx, noise, npy,
    progressive_jpeg, with_segment, zip,
};

pub fn idx_files() -> Vec<Vec<u8>> {
    vec![
        idx(&[5, 4, 3], &noise(60)),
        idx(&[2, 3, 3, 3], &noise(54)),
        idx(&[9], &noise(9)),
        idx(&[1, 1, 1], &[7]),
        b"<!DOCTYPE html><html><title>404 Not Found</title></html>".to_vec(),
    ]
}

pub fn gzip_files() -> Vec<Vec<u8>> {
    let mut files: Vec<_> = idx_files().iter().map(|file| gzip(file)).collect();
    files.push(gzip(&idx(&[4, 28, 28], &[0; 4 * 28 * 28])));
    // Two members, of which the second goes on with the first.
    let whole = idx(&[3, 4, 4], &noise(48));
    files.push([gzip(&whole[..20]), gzip(&whole[20..])].concat());
    files
}

pub fn npy_files() -> Vec<Vec<u8>> {
    let floats: Vec<u8> = (0..12_u8).flat_map(|i| (f32::from(i) / 11.0).to_le_bytes()).collect();
    let mut second = array("|u1", "(2, 3, 2)", &noise(12));
    second[6] = 2;
    second.splice(10..10, [0, 0]);
    vec![
        array("|u1", "(2, 3, 2)", &noise(12)),
        array("|u1", "(2, 2, 2, 3)", &noise(24)),
        array("<f4", "(3, 2, 2)", &floats),
        array("<f8", "(2, 1, 1)", &[0; 16]),
        array("|b1", "(2, 6)", &[1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1]),
        array(">u2", "(2, 2, 2)", &noise(16)),
        array("<i4", "(2, 4)", &[0; 32]),
        npy("{'descr': '>f4', 'fortran_order': True, 'shape': (1, 3, 2, 2), }\n", &[0; 48]),
        npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2), }\n", &noise(12)),
        second,
    ]
}

pub fn archives() -> Vec<Vec<u8>> {
    let (images, labels) = (array("|u1", "(2, 2, 2)", &[9, 1, 2, 3, 4, 5, 6, 7]), array("|u1", "(2, 1)", &[1, 0]));
    vec![
        zip(&[("train_images.npy", &images), ("train_labels.npy", &labels), ("test_images.npy", &images)], false),
        zip(&[("arr_0.npy", &images)], true),
        zip(&[("a.npy", &labels), ("b.npy", &images)], true),
        zip(&[("readme.txt", b"hello"), ("x.npy", &images), ("y.npy", &labels)], true),
    ]
}

pub fn pixel_tables() -> Vec<Vec<u8>> {
    let texts = [
        "0,9,255,8\n1,2,3,4\n",
        "label,1x1,1x2,2x1,2x2\r\n7,0,9,255,8\r\n3,1,2,3,4\r\n",
        "a;b;c;d;class\n0;9;255.0;8;cat\n1; 2 ;3;4;\"do\"\"g\"\n",
        ",label,0,1,2,3\n0,7,0,9,255,8\n1,3,1,2,3,4\n",
        "1\t2\t3\t4\t5\t6\n",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

pub fn label_numbers() -> Vec<Vec<u8>> {
    vec![
        array("|u1", "(5,)", &noise(5)),
        array("<i8", "(3,)", &noise(24)),
        array(">u2", "(4,)", &noise(8)),
        npy("{'descr': '>i4', 'fortran_order': True, 'shape': (2,), }\n", &noise(8)),
    ]
}

pub fn latents() -> Vec<Vec<u8>> {
    let doubles: Vec<u8> = (0..12_u8).flat_map(|i| (f64::from(i) / 11.0 - 0.5).to_le_bytes()).collect();
    vec![
        array("<f4", "(2, 3)", &[63; 24]),
        array(">f4", "(5,)", &[64; 20]),
        array("<f8", "(4, 3)", &doubles),
        npy("{'descr': '>f8', 'fortran_order': True, 'shape': (1, 3), }\n", &[63; 24]),
    ]
}

pub fn label_tables() -> Vec<Vec<u8>> {
    let texts = [
        "7\n3\n7\n",
        "label\r\ncat\r\ndog\r\n\"wild, cat\"\r\n",
        "id,class,more\n0,7,a\n1,3,b\n2,7,c\n",
        "a.png,1\nb/1.png,2\nb/2.png,1\n",
        "\u{feff}file,label\nb\\2.png,x\n./a.png,\"y \"\"z\"\"\"\nb/1.png,x\n",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

pub fn pictures() -> Vec<Vec<u8>> {
    let palette = [chunk(b"PLTE", &[10, 20, 30, 40, 50, 60]), chunk(b"tRNS", &[0])].concat();
    let jpeg = flat_jpeg(5, 6, [200, 30, 40]);
    vec![
        grey_png(4, 3),
        flat_png(2, 2, [1, 2, 3]),
        Png::new(4, 2, 8, 6).file(&[], &noise(32)),
        Png::new(2, 2, 16, 4).file(&[], &noise(16)),
        Png::new(8, 2, 1, 3).file(&palette, &[0b1010_0101, 0b0101_1010]),
        Png::new(2, 2, 8, 0).animation(&[1, 2, 3, 4], &[5, 6, 7, 8]),
        cmyk_jpeg(),
        progressive_jpeg(),
        with_segment(&jpeg, 0xe1, &exif(6)),
        jpeg,
        encoded(3, 2, &noise(18), ImageFormat::WebP),
        encoded(3, 2, &noise(18), ImageFormat::Bmp),
        encoded(3, 2, &noise(18), ImageFormat::Tiff),
        encoded(3, 2, &noise(18), ImageFormat::Gif),
    ]
}

pub fn configurations() -> Vec<Vec<u8>> {
    let texts = [
        "seed = 7\n[adam]\nlr = 1e-3\nbeta1 = 0.5\n",
        "preset = \"quick\"\ndata = \"strokes\"\n[training]\nsteps = 100\nbatch_size = 8\n",
        "preset = \"quick\"\n[output]\nsample_every = \"2epochs\"\ncheckpoint_every = 200\nkeep = 2\ngif = \"a.gif\"\n",
        "[image]\nheight = 4\nwidth = 4\nchannels = 3\n[latent]\ndim = 3\n[generator]\nlayers = [{ type = \"dense\", \
         shape = [2, 2, 4] }, { type = \"batch_norm\", per = \"feature\" }, { type = \"conv_transpose\", channels = 3, \
         kernel = 4, stride = 2, padding = 1 }, { type = \"tanh\" }]\n[discriminator]\nlayers = [{ type = \"conv\", \
         channels = 2, kernel = [3, 2], stride = 2, padding = \"same\", upsample = 2 }, { type = \"leaky_relu\", \
         slope = 0.2 }, { type = \"dropout\", rate = 0.3 }, { type = \"dense\", units = 1 }]\n",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
