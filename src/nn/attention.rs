//! Multi-head attention on tokens whose heads lie side by side, `[batch, tokens, heads * head_dim]`.

use burn::tensor::{Tensor, activation, module, ops::AttentionModuleOptions};

/// `softmax(scale q k + bias) v`, head by head.
///
/// `q` is `[batch, n, heads * d]`, `k` `[batch, m, heads * d]`, `v` `[batch, m, heads * e]`, `bias` `[heads, n, m]` for every
/// batch; -> `[batch, n, heads * e]`. The scale is `1 / sqrt(d)` where none is given.
pub fn attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    heads: usize,
    scale: Option<f64>,
    bias: Option<Tensor<3>>,
) -> Tensor<3> {
    let scale = scale.unwrap_or_else(|| ((q.dims()[2] / heads) as f64).sqrt().recip());
    #[cfg(feature = "cpu")]
    if let Some(y) = super::kernels::attention(&q, &k, &v, heads, scale, bias.as_ref()) {
        return y;
    }
    #[cfg(feature = "learn")]
    if let Some(y) = bias.is_none().then(|| super::gradients::attention(&q, &k, &v, heads, scale)).flatten() {
        return y;
    }
    let [q, k, v] = [q, k, v].map(|x| separate_heads(x, heads));
    let bias = bias.map(|bias| bias.unsqueeze());
    let options = AttentionModuleOptions { scale: Some(scale), ..Default::default() };
    recombine_heads(module::attention(q, k, v, None, bias, options))
}

/// How much each query looks at each key, head by head: `softmax(q k / sqrt(d))`, rows that sum to 1.
///
/// `q` is `[batch, n, heads * d]`, `k` `[batch, m, heads * d]`; -> `[batch, heads, n, m]`. [`attention`] never has them whole.
pub fn attention_weights(q: Tensor<3>, k: Tensor<3>, heads: usize) -> Tensor<4> {
    let scale = ((q.dims()[2] / heads) as f64).sqrt().recip();
    let [q, k] = [q, k].map(|x| separate_heads(x, heads));
    activation::softmax(q.matmul(k.swap_dims(2, 3)) * scale, 3)
}

/// `[batch, tokens, dim]` -> `[batch, heads, tokens, dim / heads]`.
fn separate_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, tokens, dim] = x.dims();
    x.reshape([batch, tokens, heads, dim / heads]).swap_dims(1, 2)
}

/// The inverse of [`separate_heads`].
fn recombine_heads(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, head_dim] = x.dims();
    x.swap_dims(1, 2).reshape([batch, tokens, heads * head_dim])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn recombining_undoes_separating_heads() {
        let x = Tensor::<3>::random([2, 5, 32], Distribution::Default, &Device::flex());
        recombine_heads(separate_heads(x.clone(), 8)).into_data().assert_eq(&x.into_data(), true);
    }

    #[test]
    fn attention_is_its_definition() {
        let device = Device::flex();
        let random = |tokens, dim| Tensor::<3>::random([2, tokens, dim], Distribution::Normal(0.0, 2.0), &device);
        for (n, m, d, e) in [(1, 1, 1, 1), (10, 300, 16, 16), (300, 10, 16, 8), (70, 130, 24, 5)] {
            let heads = 3;
            let (q, k, v) = (random(n, heads * d), random(m, heads * d), random(m, heads * e));
            let bias = Tensor::<3>::random([heads, n, m], Distribution::Default, &device);
            for bias in [None, Some(bias)] {
                let found = attention(q.clone(), k.clone(), v.clone(), heads, Some(0.3), bias.clone());
                let [q, k, v] = [&q, &k, &v].map(|x| separate_heads(x.clone(), heads));
                let scores = q.matmul(k.swap_dims(2, 3)) * 0.3;
                let scores = match bias {
                    Some(bias) => scores + bias.unsqueeze(),
                    None => scores,
                };
                let expected = recombine_heads(activation::softmax(scores, 3).matmul(v));
                found.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::rel_abs(1e-4, 1e-5));
            }
        }
    }

    #[test]
    fn weights_sum_to_one_and_give_the_values_their_mean() {
        let device = Device::flex();
        let random = |tokens, dim| Tensor::<3>::random([2, tokens, dim], Distribution::Normal(0.0, 2.0), &device);
        let (q, k, v) = (random(10, 48), random(300, 48), random(300, 24));
        let weights = attention_weights(q.clone(), k.clone(), 3);
        let sums = weights.clone().sum_dim(3).into_data();
        sums.assert_approx_eq::<f32>(&Tensor::<4>::ones([2, 3, 10, 1], &device).into_data(), Tolerance::absolute(1e-5));
        let mean = recombine_heads(weights.matmul(separate_heads(v.clone(), 3)));
        let expected = attention(q, k, v, 3, None, None);
        mean.into_data().assert_approx_eq::<f32>(&expected.into_data(), Tolerance::rel_abs(1e-4, 1e-5));
    }
}
