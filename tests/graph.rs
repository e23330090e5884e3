//! What a recording's graph says: groups, memory, roles; as a listing and in DOT.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gradus::graph::{Graph, GroupKind, Memory, Role};
use gradus::prelude::*;
use ndarray::ArrayViewD;

#[path = "../examples/graph.rs"]
#[allow(dead_code, reason = "the test runs the step, not its main")]
mod example;

/// The graphs of three recordings of a network that is trained and whose logits are read, and how often memory is gone over.
fn network() -> (Vec<Graph>, usize) {
    let mut params = Params::<f32>::new();
    let mlp = Mlp::new(&mut params, "mlp", &[3, 16, 4], Activation::Tanh, &mut StdRng::seed_from_u64(7));
    let x = Array2::from_elem((8, 3), 0.3);
    let (mut tape, mut gradient, mut graphs) = (Tape::new(), params.gradient(), Vec::new());
    for _ in 0..4 {
        let step = tape.record(&params);
        let logits = mlp.forward(step.input(&x));
        cross_entropy(logits, [0, 1, 2, 3, 0, 1, 2, 3]).backward(&mut gradient);
        let _ = logits.value();
        graphs.push(step.graph());
    }
    (graphs, tape.passes())
}

fn node<'a>(graph: &'a Graph, op: &str) -> &'a gradus::graph::Node {
    graph.nodes.iter().find(|node| node.op == op).unwrap_or_else(|| panic!("no {op} in\n{graph}"))
}

#[test]
fn what_is_shown_before_it_is_planned_is_what_is_run_afterwards() {
    let (graphs, passes) = network();
    for graph in &graphs {
        assert!(graph == &graphs[0], "{graph}\n{}", graphs[0]);
        let over_memory = graph.groups.iter().filter(|group| group.kind != GroupKind::Numbers).count();
        assert_eq!(over_memory, passes, "{graph}");
        // The logits are there once the gradient is computed.
        assert_eq!(graph.requests, 1);
    }
}

#[test]
fn roles_and_memory_of_a_training_step() {
    let (graphs, _) = network();
    let graph = &graphs[0];
    let count = |memory| graph.nodes.iter().filter(|node| node.memory == memory).count();
    assert_eq!(count(Memory::Gradient), 4);
    // The loss, and the logits that are read later.
    let kept: Vec<_> = graph.nodes.iter().filter(|node| node.memory == Memory::Kept).collect();
    assert_eq!(kept.iter().map(|node| node.bytes).sum::<usize>(), 4 + 8 * 4 * 4, "{graph}");
    assert_eq!(graph.nodes.iter().filter(|node| node.role == Role::Parameter).count(), 4);
    assert_eq!(node(graph, "input").memory, Memory::Borrowed);
    assert_eq!((node(graph, "softmax").role, node(graph, "softmax").memory), (Role::Adjoint, Memory::Registers));
    assert_eq!((node(graph, "tanh").role, node(graph, "tanh").bytes), (Role::Op, 8 * 16 * 4));
    assert_eq!(node(graph, "reshape").memory, Memory::Address);
    // Every instruction that is computed belongs to the group that has it as a member, and to one alone.
    for (position, node) in graph.nodes.iter().enumerate() {
        let groups = (0..graph.groups.len()).filter(|&group| graph.groups[group].members.contains(&position));
        assert_eq!(groups.collect::<Vec<_>>(), node.group.into_iter().collect::<Vec<_>>(), "%{position} in\n{graph}");
    }
    assert!(graph.working > 0 && graph.working + graph.kept < graph.unplanned(), "{graph}");
}

#[test]
fn the_listing_has_groups_and_memory_beside_each_instruction() {
    let (graphs, _) = network();
    let text = graphs[0].to_string();
    let softmax = text.lines().find(|line| line.contains("= softmax")).unwrap();
    assert!(
        softmax.contains(" fused ") && softmax.contains(" registers ") && softmax.contains("tests/graph.rs"),
        "{text}"
    );
    let weight = text.lines().find(|line| line.contains("(mlp.0.weight)")).unwrap();
    assert!(weight.trim_start().starts_with("borrowed"), "{text}");
    assert_eq!(text.lines().count(), 2 + graphs[0].nodes.len());
    assert!(text.lines().next().unwrap().contains("in 1 request:"), "{text}");
}

#[test]
fn what_a_later_request_needs_is_kept_by_the_one_that_computes_it() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let x = Array1::from_elem(10, 0.5);
    let graphs = [0, 1, 2].map(|_| {
        let step = tape.record(&params);
        let e = step.input(&x).exp();
        let (a, b) = ((e * 3.0).sum(), e.sin());
        let _ = (a.item(), b.value());
        step.graph()
    });
    for graph in &graphs {
        assert!(graph == &graphs[2], "{graph}\n{}", graphs[2]);
        assert_eq!((graph.requests, node(graph, "exp").memory), (2, Memory::Kept), "{graph}");
        assert_eq!(graph.groups[node(graph, "sin").group.unwrap()].request, 1);
    }
    assert_eq!(tape.passes(), graphs[2].groups.len());
}

#[test]
fn what_nothing_asked_for_is_neither_planned_nor_computed() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.input(&[1.0, 2.0]);
    let (read, unread) = (x.sin(), x.cos());
    let before = step.graph();
    assert!(before.to_string().starts_with("3 instructions, not planned: nothing was read"), "{before}");
    assert!(before.nodes.iter().all(|node| node.memory == Memory::Unused && node.group.is_none()));
    let _ = (read.value(), unread.shape());
    let after = step.graph();
    assert_eq!((node(&after, "sin").memory, node(&after, "cos").memory), (Memory::Kept, Memory::Unused));
    // A recording that was found again but not read is not that of last time.
    let step = tape.record(&params);
    let _ = step.input(&[1.0, 2.0]).sin();
    assert_eq!(step.graph().requests, 0);
    assert_eq!(tape.graph().nodes.len(), 2);
}

#[test]
fn views_borrow_and_products_stand_alone() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.constant(&array![[1.0, 2.0], [3.0, 4.0]]);
    let y = x.t().matmul(x).slice(s![0, ..]).sum();
    assert_eq!(y.item(), 10.0 + 14.0);
    let graph = step.graph();
    assert_eq!(node(&graph, "permute").memory, Memory::Address);
    assert_eq!(node(&graph, "slice").memory, Memory::Address);
    let product = node(&graph, "matmul");
    assert_eq!(graph.groups[product.group.unwrap()].kind, GroupKind::Alone);
    assert_eq!((product.memory, graph.working % 8), (Memory::Working, 0));
}

struct Odd;

impl CustomOp<f64> for Odd {
    fn name(&self) -> &'static str {
        "a \"b\" \\c"
    }

    fn shape(&self, inputs: &[Shape]) -> Shape {
        inputs[0]
    }

    fn eval(&self, inputs: &[ArrayViewD<'_, f64>], out: &mut [f64]) {
        out.iter_mut().zip(&inputs[0]).for_each(|(y, &x)| *y = x);
    }

    fn vjp<'t>(&self, _: &[Var<'t, f64>], _: Var<'t, f64>, c: Var<'t, f64>) -> Vec<Cotangent<'t, f64>> {
        vec![c.into()]
    }
}

/// The nodes that are declared, and those that edges name.
fn names(dot: &str) -> (Vec<&str>, BTreeSet<&str>) {
    let lines = dot.lines().map(str::trim);
    let declared =
        lines.clone().filter(|line| line.starts_with('n') && line.contains(" [label=") && !line.starts_with("node"));
    let edges = lines.filter_map(|line| line.strip_suffix(';')?.split_once(" -> "));
    (declared.map(|line| line.split(' ').next().unwrap()).collect(), edges.flat_map(|(a, b)| [a, b]).collect())
}

#[test]
fn dot_declares_each_node_once_and_every_end_of_an_edge() {
    let (graphs, _) = network();
    let dot = graphs[0].dot();
    let (declared, ends) = names(&dot);
    let all: BTreeSet<_> = declared.iter().copied().collect();
    assert_eq!(all.len(), declared.len(), "declared twice in\n{dot}");
    assert!(ends.is_subset(&all), "{dot}");
    let drawn = graphs[0].nodes.iter().filter(|node| node.role != Role::Number).count();
    assert_eq!(declared.len(), drawn);
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
    let fused = graphs[0].groups.iter().filter(|group| group.members.len() > 1).count();
    assert_eq!(dot.matches("subgraph cluster_").count(), fused);
    assert!(dot.contains("mlp.1.bias") && dot.contains("one pass over [8, 4]") && dot.contains("dashed"), "{dot}");
}

#[test]
fn dot_quotes_names() {
    let (params, mut tape) = (Params::<f64>::new(), Tape::new());
    let step = tape.record(&params);
    let x = step.input(&[1.0]);
    let _ = (x.custom(Arc::new(Odd), &[x]) - 0.5).item();
    let dot = step.graph().dot();
    assert!(dot.contains(r#"a \"b\" \\c\n[1]"#) && dot.contains("sub(·, 0.5)"), "{dot}");
    // Quotes come in pairs but for those behind a backslash.
    let bare = dot.replace(r"\\", "").replace("\\\"", "");
    assert!(bare.lines().all(|line| line.matches('"').count() % 2 == 0), "{dot}");
}

/// The lines of text of each node and group, and of the whole, by name; edges have none.
type Texts = BTreeMap<String, Vec<String>>;

fn texts_of_dot(dot: &str) -> Texts {
    let (mut texts, mut name) = (Texts::new(), "recording");
    for line in dot.lines().map(str::trim) {
        if let Some(group) = line.strip_prefix("subgraph ") {
            name = group.trim_end_matches(" {");
        } else if let Some((start, rest)) = line.split_once("label=\"") {
            let name = start.strip_suffix(" [").unwrap_or(name);
            let label = rest.split('"').next().unwrap();
            texts.insert(name.to_owned(), label.split(r"\n").map(str::to_owned).collect());
        } else if line.contains(" -> ") {
            texts.insert(line.trim_end_matches(';').replace(' ', ""), Vec::new());
        }
    }
    texts
}

fn texts_of_picture(svg: &str) -> Texts {
    let plain = |text: &str| text.replace("&#45;", "-").replace("&gt;", ">").replace("&#160;", " ");
    let (mut texts, mut name) = (Texts::new(), String::new());
    for line in svg.lines() {
        if let Some(title) = line.strip_prefix("<title>").and_then(|rest| rest.strip_suffix("</title>")) {
            name = plain(title);
            texts.insert(name.clone(), Vec::new());
        } else if let Some((_, text)) = line.strip_suffix("</text>").and_then(|start| start.rsplit_once('>')) {
            texts.get_mut(&name).unwrap().push(plain(text));
        }
    }
    texts
}

#[test]
fn the_picture_in_the_docs_is_that_of_the_example() {
    let (dot, drawn) = (example::training_step().dot(), texts_of_picture(include_str!("../docs/graph.svg")));
    let said = texts_of_dot(&dot);
    assert!(said == drawn, "render docs/graph.svg again, as examples/graph.rs says\n{said:#?}\n{drawn:#?}");
    assert!(drawn.len() > 30 && drawn["recording"][0].contains("11 groups"), "{drawn:#?}");
    // Another op, another shape, an edge more, a group less: each would be seen.
    for (old, new) in
        [("%4 tanh", "%4 sin"), ("[32, 16]", "[32, 8]"), ("n9 -> n11", "n9 -> n10"), ("cluster_9", "cluster_4")]
    {
        assert!(dot.contains(old) && texts_of_dot(&dot.replacen(old, new, 1)) != drawn, "{old}");
    }
}
