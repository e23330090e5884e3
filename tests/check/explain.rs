//! Which parameters a loss reaches, and why not the others.

use gradus::check::{self, Way};
use gradus::prelude::*;
use ndarray::ArrayViewD;
use std::sync::Arc;

/// The way of one parameter.
fn way(loss: Var<'_, f64>, name: &str) -> Way {
    let explanation = check::explain(loss);
    explanation.parameters.into_iter().find(|reach| reach.name == name).expect("a parameter of the store").way
}

#[test]
fn a_network_is_reached_whole_and_by_the_way_that_backward_takes() {
    let mut params = Params::<f64>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[3, 4, 2], Activation::Tanh, &mut StdRng::seed_from_u64(7));
    let x = Array2::from_elem((5, 3), 0.3);
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.record(&params);
    let loss = cross_entropy(mlp.forward(step.input(&x)), [0, 1, 0, 1, 0]);
    let explanation = check::explain(loss);
    assert_eq!(explanation.parameters.len(), 4);
    assert_eq!(explanation.unreached().count(), 0, "{explanation}");
    let Way::Reached { through, uses } = way(loss, "mlp.0.weight") else { panic!("{explanation}") };
    assert_eq!((through.first().map(String::as_str), uses), (Some("affine"), 1), "{explanation}");
    loss.backward(&mut gradient);
    assert_eq!(gradient.unreached().count(), 0);
}

#[test]
fn what_is_not_reached_is_what_backward_does_not_reach() {
    let mut params = Params::<f64>::new();
    let all = ["used", "frozen", "detached", "compared", "aside", "twice", "absent"]
        .map(|name| params.add(name, [2], || 0.5));
    params.freeze(|name| name == "frozen");
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.record(&params);
    let [used, frozen, detached, compared, aside, twice] = [0, 1, 2, 3, 4, 5].map(|k| step.param(all[k]));
    let _ = aside.exp();
    let mask = compared.gt(used).detach();
    let loss = (used * frozen * detached.detach().sin() * mask * twice * twice).sum();
    assert!(matches!(way(loss, "used"), Way::Reached { .. }));
    assert_eq!(way(loss, "frozen"), Way::Frozen);
    assert!(matches!(way(loss, "detached"), Way::Blocked { by } if by.contains("detach") && by.contains("explain.rs")));
    assert!(matches!(way(loss, "compared"), Way::Blocked { .. }));
    assert!(matches!(way(loss, "aside"), Way::Unused { recorded } if recorded.contains("explain.rs")));
    assert!(matches!(way(loss, "twice"), Way::Reached { uses: 2, .. }));
    let explanation = check::explain(loss);
    let unreached: Vec<_> = explanation.unreached().map(str::to_owned).collect();
    assert_eq!(unreached, ["detached", "compared", "aside", "absent"], "{explanation}");
    loss.backward(&mut gradient);
    assert_eq!(gradient.unreached().collect::<Vec<_>>(), unreached);
    let text = explanation.to_string();
    assert!(
        text.contains("aside: not reached: recorded at ") && text.contains("absent: not reached: the recording"),
        "{text}"
    );
}

#[test]
fn steps_let_no_derivative_pass() {
    let mut params = Params::<f64>::new();
    let (a, b) = (params.add("a", [2], || 1.5), params.add("b", [2], || 1.5));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.record(&params);
    let loss = (step.param(a).round() * step.param(b)).sum();
    let explanation = check::explain(loss);
    assert!(matches!(&explanation.parameters[0].way, Way::Blocked { by } if by.contains("= round")), "{explanation}");
    loss.backward(&mut gradient);
    assert_eq!(explanation.unreached().collect::<Vec<_>>(), gradient.unreached().collect::<Vec<_>>());
}

/// The first operand for each element of the second, which has no part in the derivative.
struct Like;

impl CustomOp<f64> for Like {
    fn name(&self) -> &'static str {
        "like"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[1]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x);
    }

    fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![Cotangent::Var(c), Cotangent::Zero]
    }
}

#[test]
fn custom_ops_that_answer_zero_let_no_derivative_pass() {
    let mut params = Params::<f64>::new();
    let all = ["passes", "stops", "both"].map(|name| params.add(name, [2], || 1.5));
    let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    let step = tape.record(&params);
    let [passes, stops, both] = all.map(|param| step.param(param));
    let loss = (like(passes, stops.exp()) + like(both, both)).sum();
    let explanation = check::explain(loss);
    assert_eq!(explanation.unreached().collect::<Vec<_>>(), ["stops"], "{explanation}");
    let Way::Blocked { by } = way(loss, "stops") else { panic!("{explanation}") };
    assert!(by.contains("= like ") && by.contains("explain.rs:"), "{by}");
    assert!(by.ends_with(", whose `vjp` answers `Zero` for it"), "{by}");
    assert!(matches!(way(loss, "both"), Way::Reached { uses: 1, .. }), "{explanation}");
    loss.backward(&mut gradient);
    assert_eq!(gradient.unreached().collect::<Vec<_>>(), ["stops"]);
}

fn like<'t>(x: Var<'t, f64>, y: Var<'t, f64>) -> Var<'t, f64> {
    x.custom(Arc::new(Like), &[x, y])
}
