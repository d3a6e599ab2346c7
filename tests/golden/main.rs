mod formula;
include!("/tmp/tmp_loader.rs");
use sam2rad::config::*;
use sam2rad::model::*;
use std::collections::HashMap;
use std::time::Instant;
fn to_ref(name: &str, sam2: bool, net: bool, lora: bool, mlp: bool, linear: bool) -> String {
    let mut s = name.to_string();
    let pairs = [
        ("mask_downscaling.conv1", "mask_downscaling.0"),
        ("mask_downscaling.norm1", "mask_downscaling.1"),
        ("mask_downscaling.conv2", "mask_downscaling.3"),
        ("mask_downscaling.norm2", "mask_downscaling.4"),
        ("mask_downscaling.conv3", "mask_downscaling.6"),
        ("output_upscaling.conv1", "output_upscaling.0"),
        ("output_upscaling.norm1", "output_upscaling.1"),
        ("output_upscaling.conv2", "output_upscaling.3"),
        ("neck.conv1", "neck.0"),
        ("neck.norm1", "neck.1"),
        ("neck.conv2", "neck.2"),
        ("neck.norm2", "neck.3"),
        ("patch_embed.conv1", "patch_embed.seq.0"),
        ("patch_embed.conv2", "patch_embed.seq.2"),
        ("channel_adapters.1", "channel_adapters.2"),
        ("channel_adapters.0", "channel_adapters.1"),
    ];
    for (a, b) in pairs {
        s = s.replace(a, b);
        if s.contains("channel_adapters.2") {
            break;
        }
    }
    if s.starts_with("image_encoder.adapters.") {
        s = s.replace(".down.", ".adapters.0.").replace(".up.", ".adapters.2.");
    } else if net && s.starts_with("image_encoder.") {
        s = s.replacen("image_encoder.", "image_encoder.net.", 1);
    }
    if s.starts_with("prompt_encoder.") {
        s = format!("prompt_sampler.{s}");
    }
    if s.starts_with("prompt_predictor.") {
        s = s.replacen("prompt_predictor.", "prompt_sampler.prompt_learner.", 1);
        if linear {
            s = s.replace("prompt_learner.layers.0.", "prompt_learner.");
        }
    }
    if s.starts_with("mask_decoder.") {
        s = s.replacen("mask_decoder.", if sam2 { "sam_mask_decoder.net." } else { "mask_decoder.net." }, 1);
        if !sam2 {
            s = s.replace("mlp.layers.0", "mlp.lin1").replace("mlp.layers.1", "mlp.lin2");
        }
        if lora {
            s = s.replace("_proj.linear.", "_proj.proj.");
        }
        if !mlp {
            s = s.replace("pred_obj_score_head.layers.0", "pred_obj_score_head");
        }
    }
    s = s.replace("_proj.linear.", "_proj.");
    s
}
#[test]
fn golden() {
    let dir = std::env::var("SAM2RAD_GOLDEN_DIR").unwrap_or("../shared/golden".into());
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| {
            p.extension().is_some_and(|e| e == "safetensors")
                && !p.to_str().unwrap().contains("train")
                && p.to_str().unwrap().contains(&only)
        })
        .collect();
    files.sort();
    for f in files {
        let bytes = std::fs::read(&f).unwrap();
        let (_, meta) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let spec: serde_json::Value = serde_json::from_str(&meta.metadata().as_ref().unwrap()["spec"]).unwrap();
        let st = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let s = |k: &str| spec[k].as_str().unwrap().to_string();
        let size = spec["size"].as_u64().unwrap() as usize;
        let classes = spec["classes"].as_u64().unwrap() as usize;
        let arch = Architecture {
            image_encoder: s("encoder"),
            mask_decoder: s("decoder"),
            prompt_predictor: s("prompt_predictor"),
        };
        let cfg = Sam2RadConfig::new(arch, size, classes, 10).unwrap();
        let device = Device::flex();
        let sam2 = cfg.mask_decoder.high_res_features;
        let lora = cfg.mask_decoder.lora_rank > 0;
        let mlp = cfg.mask_decoder.pred_obj_scores_mlp;
        let net = !(matches!(cfg.image_encoder.backbone, Backbone::Vit(_)) && !cfg.image_encoder.adapter);
        let mut l = L {
            path: vec![],
            kinds: vec![],
            salt: s("salt"),
            to_ref: Box::new(move |n| to_ref(n, sam2, net, lora, mlp, false)),
            used: vec![],
        };
        let model = cfg.init(&device).map(&mut l);
        if let Ok(k) = std::fs::read(format!("{dir}/keys/{}.json", s("config"))) {
            let k: Vec<serde_json::Value> = serde_json::from_slice(&k).unwrap();
            let names: Vec<&str> = k.iter().map(|e| e["name"].as_str().unwrap()).collect();
            for u in &l.used {
                if !names.contains(&u.as_str()) && u != "learnable_prompts" {
                    println!("NOT IN KEYS {u}");
                }
            }
        }
        let grey = formula::picture(&s("salt"), size);
        let mean = [0.485f64, 0.456, 0.406];
        let std = [0.229f64, 0.224, 0.225];
        let px: Vec<f32> =
            (0..3).flat_map(|c| grey.iter().map(move |g| ((*g as f64 / 255.0 - mean[c]) / std[c]) as f32)).collect();
        let image = Tensor::<4>::from_data(TensorData::new(px, [1, 3, size, size]), &device);
        let mut out: HashMap<String, Vec<f32>> = HashMap::new();
        fn v<const D: usize>(t: Tensor<D>) -> Vec<f32> {
            t.into_data().try_into_vec().unwrap()
        }
        fn nchw(t: Tensor<4>) -> Vec<f32> {
            v(t.permute([0, 3, 1, 2]))
        }
        for _ in 0..std::env::var("WARM").map(|x| x.parse::<usize>().unwrap()).unwrap_or(0) {
            let t0 = Instant::now();
            let ft = model.encode_image(image.clone());
            let t1 = Instant::now();
            let pp = model.predict_prompts(&ft);
            let t2 = Instant::now();
            let d = model.decode_masks(&ft, Some(pp.sparse.clone()), pp.dense.clone(), false);
            let _ = v(d.low_res_masks);
            println!(
                "{} encode {:?} ppn {:?} decode {:?} total {:?}",
                s("config"),
                t1 - t0,
                t2 - t1,
                t2.elapsed(),
                t0.elapsed()
            );
        }
        let mut i = 0;
        let ft = model.encode_image_with_blocks(image, &mut |t| {
            out.insert(if i == 0 { "encoder.patch_embed".into() } else { format!("encoder.block.{}", i - 1) }, v(t));
            i += 1;
        });
        let rep = |t: Tensor<4>| -> Vec<f32> {
            let [_, a, b, c] = t.dims();
            nchw(t.expand([classes, a, b, c]))
        };
        out.insert("image_embedding".into(), rep(ft.image_embedding.clone()));
        out.insert("high_res.0".into(), rep(ft.high_res_features[0].clone()));
        out.insert("high_res.1".into(), rep(ft.high_res_features[1].clone()));
        let mut j = 0;
        let pp = model.predict_prompts_with_steps(&ft, &mut |st| {
            out.insert(format!("ppn.layer.{j}.queries"), v(st.queries));
            out.insert(format!("ppn.layer.{j}.keys"), v(st.keys));
            j += 1;
        });
        out.insert("ppn.pred_boxes".into(), v(pp.boxes.clone()));
        out.insert("ppn.interim_mask".into(), v(pp.interim_mask.clone()));
        out.insert("ppn.sparse".into(), v(pp.sparse.clone()));
        out.insert("ppn.dense".into(), nchw(pp.dense.clone()));
        let d = model.decode_masks(&ft, Some(pp.sparse.clone()), pp.dense.clone(), false);
        out.insert("decoder.low_res_masks".into(), v(d.low_res_masks.clone()));
        out.insert("decoder.iou".into(), v(d.iou));
        out.insert("decoder.object_score_logits".into(), v(d.object_score_logits));
        let big = sam2rad::nn::resize(
            d.low_res_masks.clone().permute([0, 2, 3, 1]),
            [size, size],
            sam2rad::nn::Interpolation::Bilinear,
        );
        out.insert("output.mask_logits".into(), nchw(big));
        let sz = size as f32;
        let p1 = Point { x: 0.5 * sz, y: 0.45 * sz, label: PointLabel::Inside };
        let p2 = Point { x: 0.2 * sz, y: 0.8 * sz, label: PointLabel::Outside };
        let bb = [0.2 * sz, 0.35 * sz, 0.8 * sz, 0.6 * sz];
        let low = d.low_res_masks.narrow(0, 0, 1).permute([0, 2, 3, 1]);
        let cases = [
            ("point1", ManualPrompts { points: vec![p1], ..Default::default() }),
            ("points2", ManualPrompts { points: vec![p1, p2], ..Default::default() }),
            ("box", ManualPrompts { bounding_box: Some(bb), ..Default::default() }),
            ("point_box", ManualPrompts { points: vec![p1], bounding_box: Some(bb), mask: None }),
            ("mask", ManualPrompts { mask: Some(low + 8.0), ..Default::default() }),
        ];
        for (n, c) in cases {
            let e = model.encode_prompts(&c);
            if let Some(sp) = &e.sparse {
                out.insert(format!("manual.{n}.sparse"), v(sp.clone()));
            }
            for (mm, mn) in [(false, "single"), (true, "multi")] {
                let d = model.decode_masks(&ft, e.sparse.clone(), e.dense.clone(), mm);
                out.insert(format!("manual.{n}.manual.{mn}.low_res_masks"), v(d.low_res_masks));
                out.insert(format!("manual.{n}.manual.{mn}.iou"), v(d.iou));
                let mut sp = vec![pp.sparse.clone().narrow(0, 0, 1)];
                sp.extend(e.sparse.clone());
                let d = model.decode_masks(&ft, Some(Tensor::cat(sp, 1)), pp.dense.clone().narrow(0, 0, 1), mm);
                out.insert(format!("manual.{n}.semi.{mn}.low_res_masks"), v(d.low_res_masks));
                out.insert(format!("manual.{n}.semi.{mn}.iou"), v(d.iou));
            }
        }
        let mut worst = (0.0, String::new());
        for (name, sp) in spec["tensors"].as_object().unwrap() {
            let Some(found) = out.get(name) else {
                println!("MISSING {name}");
                continue;
            };
            let stride = sp["stride"].as_u64().unwrap() as usize;
            let std = sp["std"].as_f64().unwrap();
            let n: usize = sp["shape"].as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).product();
            if n != found.len() {
                println!("SHAPE {name} {} {:?}", found.len(), sp["shape"]);
                continue;
            }
            let gold: Vec<f32> =
                st.tensor(name).unwrap().data().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            let (mut mx, mut ss) = (0f64, 0f64);
            for (g, f) in gold.iter().zip(found.iter().step_by(stride)) {
                let e = ((*g as f64) - (*f as f64)).abs() / std;
                mx = mx.max(e);
                ss += e * e;
            }
            let rms = (ss / gold.len() as f64).sqrt();
            let bm = (10.0 * sp["f32_noise_max"].as_f64().unwrap()).max(1e-4);
            let br = (5.0 * sp["f32_noise_rms"].as_f64().unwrap()).max(2e-5);
            let q = (mx / bm).max(rms / br);
            if q > 1.0 {
                println!("FAIL {name} max {mx:.2e} bar {bm:.2e} rms {rms:.2e} bar {br:.2e}");
            }
            if std::env::var("SHOW").is_ok() && !name.contains("manual") {
                println!(
                    "  {q:.2} {name} {mx:.2e} rms {rms:.2e} noise {:.2e} {:.2e}",
                    sp["f32_noise_max"].as_f64().unwrap(),
                    sp["f32_noise_rms"].as_f64().unwrap()
                );
            }
            if q > worst.0 {
                worst = (q, format!("{name} max {mx:.2e}/{bm:.2e} rms {rms:.2e}/{br:.2e}"));
            }
        }
        println!("{} worst {:.2} {}", s("config"), worst.0, worst.1);
    }
}
