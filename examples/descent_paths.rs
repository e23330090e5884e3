//! Six rules in a ravine, drawn on its level lines.
//!
//! f(x, y) = ½ (x² + 40 y²) is forty times as curved along y as along x. Plain descent must take small steps for the sake of y
//! and creeps along x; momentum gathers speed; rules that divide by the size of the gradient see a round bowl.
//!
//! Expect: `target/descent_paths/paths.svg` with six paths from (−9, 2.5), and a table of where each is after 60 steps; momentum and
//! Nesterov are nearest. AdaGrad and RMSProp walk the same line, RMSProp farther.

use gradus::minimize::minimize;
use gradus::optim::stop;
use gradus::plot;
use gradus::prelude::*;

const STEPS: u64 = 60;

fn main() -> Result<(), Error> {
    let rules: [(&str, Box<dyn Optimizer<f64>>); 6] = [
        ("plain, η 0.045", Box::new(Sgd::new(0.045))),
        ("momentum 0.7, η 0.03", Box::new(Sgd::new(0.03).momentum(0.7))),
        ("Nesterov 0.8, η 0.02", Box::new(Sgd::new(0.02).nesterov(0.8))),
        ("AdaGrad, η 1", Box::new(AdaGrad::new(1.0))),
        ("RMSProp, η 0.2", Box::new(RmsProp::new(0.2))),
        ("Adam, η 0.3", Box::new(Adam::new(0.3))),
    ];
    let mut picture = plot::contours(|x, y| 0.5 * (x * x + 40.0 * y * y), -10.0..=4.0, -3.0..=3.0)
        .log_levels()
        .title("Six rules in a ravine, 60 steps");
    let mut ends = Vec::new();
    println!("{:22} {:>9} {:>9} {:>12}", "rule", "x", "y", "value");
    for (name, mut rule) in rules {
        let mut params = Params::<f64>::new();
        let x = params.add_array("x", &array![-9.0, 2.5]);
        let mut path = vec![[-9.0, 2.5]];
        let report = minimize(|step| (step.constant(&array![0.5, 20.0]) * step.param(x).square()).sum())
            .with(&mut rule)
            .validate_with(1, |params: &Params<f64>| {
                path.push([params.flat()[0], params.flat()[1]]);
                0.0
            })
            .until(stop::max_iterations(STEPS))
            .run(&mut params);
        let [x, y] = [params.flat()[0], params.flat()[1]];
        println!("{name:22} {x:9.4} {y:9.4} {:12.3e}", report.value);
        picture = picture.path(name, &path[1..]);
        ends.push(report.value);
    }
    std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/target/descent_paths"))
        .expect("target can be written");
    picture.save(concat!(env!("CARGO_MANIFEST_DIR"), "/target/descent_paths/paths.svg"))?;
    println!("picture: target/descent_paths/paths.svg");
    assert!(ends[1] < 0.01 * ends[0] && ends[2] < 0.01 * ends[0], "momentum pays in a ravine");
    Ok(())
}
