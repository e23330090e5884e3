use super::panics::assert_panics;
use super::{assert_close, wave};
use gradus::Scalar as _;
use gradus::prelude::*;

fn norm(width: usize) -> (Params<f64>, BatchNorm) {
    let mut params = Params::new();
    let norm = BatchNorm::new(&mut params, "norm", width);
    (params, norm)
}

/// Three steps over batches sin 10k, sin(10k + 1), … of shape [4, 2], scale 1.5, −0.5, shift 0.25, 2; then evaluation at
/// sin 50, …: PyTorch 2.15 (`BatchNorm1d`), float64.
#[test]
fn steps_and_evaluation_are_those_of_pytorch() {
    let (mut params, norm) = norm(2);
    params.value_mut(norm.scale).assign(&array![1.5, -0.5]);
    params.value_mut(norm.shift).assign(&array![0.25, 2.0]);
    let running = [
        ([-0.003_173_014_167_029, 0.017_016_332_923_09], [0.949_120_588_013_6, 0.965_444_439_864_1]),
        ([-0.012_302_962_496_83, -0.006_958_620_905_386], [0.907_953_879_452_9, 0.946_407_990_591]),
        ([0.007_954_184_500_611, 0.014_098_726_501_84], [0.886_835_375_403_7, 0.924_514_441_478_6]),
    ];
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let weights = wave(100.0, &[4, 2]);
    for (k, (mean, variance)) in running.into_iter().enumerate() {
        let x = wave(10.0 * k.as_f64(), &[4, 2]);
        let step = tape.train(&params, 0);
        let input = step.variable(&x);
        let y = norm.forward(input);
        let loss = (y * step.input(&weights)).sum();
        loss.backward(&mut gradient);
        let (values, slopes) = (y.value(), loss.gradient(input).value());
        if k == 2 {
            assert_close(
                &values,
                &[
                    1.749_533_563_672,
                    1.571_492_138_44,
                    -0.163_167_922_206_8,
                    2.710_637_721_157,
                    -2.023_850_897_77,
                    2.227_417_149_176,
                    1.437_485_256_305,
                    1.490_452_991_228,
                ],
            );
            assert_close(
                &slopes,
                &[
                    -0.309_741_642_928_9,
                    -0.237_927_616_502_6,
                    2.230_819_371_642,
                    -0.404_428_503_869_7,
                    -1.059_524_586_336,
                    0.695_772_986_130_8,
                    -0.861_553_142_377_8,
                    -0.053_416_865_758_46,
                ],
            );
            assert_close(gradient.value(norm.scale), &[-0.868_328_267_053_4, 0.131_697_469_304_2]);
            assert_close(gradient.value(norm.shift), &[-0.560_303_752_994_7, 0.289_260_879_643_9]);
        }
        params.apply_updates(&gradient);
        assert_close(params.buffer(norm.running_mean), &mean);
        assert_close(params.buffer(norm.running_variance), &variance);
    }
    let before = params.clone();
    let x = wave(50.0, &[3, 2]);
    let step = tape.record(&params);
    let y = norm.forward(step.input(&x));
    assert_close(
        &y.value(),
        &[
            -0.180_586_099_473_6,
            1.658_806_303_885,
            1.808_852_752_224,
            1.801_446_848_107,
            -0.652_721_216_607,
            2.527_213_086_606,
        ],
    );
    y.sum().backward(&mut gradient);
    params.apply_updates(&gradient);
    assert_eq!(params.buffer(norm.running_mean), before.buffer(norm.running_mean));
    assert_eq!(params.buffer(norm.running_variance), before.buffer(norm.running_variance));
}

/// Axes between batch and features count as batch: `BatchNorm1d` of PyTorch 2.15, whose features are in the middle.
#[test]
fn further_axes_count_as_batch() {
    let (mut params, norm) = norm(2);
    let x = wave(5.0, &[2, 3, 2]);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.train(&params, 0);
    let y = norm.forward(step.input(&x));
    y.sum().backward(&mut gradient);
    assert_close(
        &y.value(),
        &[
            -1.372_635_208_151,
            -0.500_265_784_952_8,
            0.870_018_704_037_1,
            1.395_804_824_61,
            0.530_176_673_325_3,
            -0.895_695_566_972_7,
            -1.429_628_866_85,
            -0.884_564_898_728_1,
            0.541_346_915_444_8,
            1.397_671_508_097,
            0.860_721_782_194_1,
            -0.512_950_082_053_5,
        ],
    );
    params.apply_updates(&gradient);
    assert_close(params.buffer(norm.running_mean), &[0.003_010_757_995_508, 0.005_534_212_642_741]);
    assert_close(params.buffer(norm.running_variance), &[0.962_299_300_603_5, 0.953_731_739_467_6]);
}

/// Momentum 0.5, ε 1e-3: PyTorch 2.15, float64.
#[test]
fn momentum_and_epsilon_are_those_of_pytorch() {
    let (mut params, norm) = norm(2);
    let norm = norm.with_momentum(0.5).with_epsilon(1e-3);
    let x = wave(0.0, &[4, 2]);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.train(&params, 0);
    let y = norm.forward(step.input(&x));
    y.sum().backward(&mut gradient);
    assert_close(
        &y.value(),
        &[
            0.052_206_066_615_37,
            0.957_221_920_618_3,
            1.548_286_434_97,
            -0.041_413_059_186,
            -1.192_972_158_407,
            -1.609_973_304_739,
            -0.407_520_343_178_7,
            0.694_164_443_306_3,
        ],
    );
    params.apply_updates(&gradient);
    assert_close(params.buffer(norm.running_mean), &[-0.015_865_070_835_15, 0.085_081_664_615_43]);
    assert_close(params.buffer(norm.running_variance), &[0.745_602_940_068, 0.827_222_199_320_5]);
}

#[test]
fn gradients_are_right_in_training_and_in_evaluation() {
    let (mut params, norm) = norm(3);
    params.value_mut(norm.scale).assign(&wave(1.0, &[3]));
    params.buffer_mut(norm.running_mean).assign(&wave(2.0, &[3]));
    let (x, weights) = (wave(4.0, &[5, 3]), wave(9.0, &[5, 3]));
    // A parameter for the input, so that it is differentiated for as well.
    let input = params.add_array("input", &x);
    check::model(&params, |step| (norm.forward(step.param(input)) * step.input(&weights)).tanh().sum())
        .training(1)
        .order(2)
        .assert();
    check::model(&params, |step| (norm.forward(step.param(input)) * step.input(&weights)).tanh().sum())
        .order(2)
        .assert();
}

/// A layer used twice in one recording moves its statistics twice, as two calls do in PyTorch.
#[test]
fn two_uses_move_the_statistics_twice() {
    let (mut params, norm) = norm(1);
    let (a, b) = (array![[1.0], [3.0]], array![[10.0], [30.0]]); // means 2, 20; variances 2, 200
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.train(&params, 0);
    (norm.forward(step.input(&a)) + norm.forward(step.input(&b))).sum().backward(&mut gradient);
    params.apply_updates(&gradient);
    assert_close(params.buffer(norm.running_mean), &[0.9 * 0.2 + 0.1 * 20.0]);
    assert_close(params.buffer(norm.running_variance), &[0.9 * (0.9 + 0.2) + 0.1 * 200.0]);
}

/// Nothing of the running statistics is a function of the parameters that the loss sees.
#[test]
fn statistics_are_saved_but_not_trained() {
    let (params, norm) = norm(2);
    assert_eq!(params.len(), 4);
    let names: Vec<_> = params.buffers().map(|entry| entry.name).collect();
    assert_eq!(names, ["norm.running_mean", "norm.running_variance"]);
    assert_eq!(params.buffer(norm.running_mean), array![0.0, 0.0].into_dyn());
    assert_eq!(params.buffer(norm.running_variance), array![1.0, 1.0].into_dyn());
}

#[test]
fn what_does_not_fit_is_refused() {
    const HELP: &str = "\n  help: train on batches of two or more, or record without training";
    let (params, norm) = norm(4);
    let mut tape = Tape::new();
    let (one, none, wide, flat) = (wave(0.0, &[1, 4]), wave(0.0, &[0, 4]), wave(0.0, &[2, 5]), wave(0.0, &[4]));
    let step = tape.train(&params, 0);
    assert_panics(&format!("batch_norm: x [1, 4] in training: 1 value for each feature has no variance{HELP}"), || {
        norm.forward(step.input(&one))
    });
    assert_panics(
        &format!("batch_norm: x [0, 4] in training: 0 values for each feature have no variance{HELP}"),
        || norm.forward(step.input(&none)),
    );
    assert_panics("batch_norm: x [2, 5], expected [batch, …, 4] as `norm.scale` has it", || {
        norm.forward(step.input(&wide))
    });
    assert_panics("batch_norm: x [4], expected [batch, …, 4] as `norm.scale` has it", || {
        norm.forward(step.input(&flat))
    });
    assert_panics("batch_norm `norm`: width 0, expected at least one feature", || {
        BatchNorm::new(&mut Params::<f32>::new(), "norm", 0)
    });
    assert_panics("batch_norm: momentum 2, expected one in [0, 1]", || norm.with_momentum(2.0));
    assert_panics("batch_norm: epsilon inf, expected a finite number of at least 0", || {
        norm.with_epsilon(f64::INFINITY)
    });
    // A batch of one is fine in evaluation.
    let step = tape.record(&params);
    assert_eq!(norm.forward(step.input(&one)).shape(), [1, 4]);
}
