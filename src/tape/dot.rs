//! A graph in the language of Graphviz.

use std::fmt::Write;

use super::graph::{Graph, GroupKind, Memory, Node, Role};

impl Graph {
    /// The graph in the DOT language: `dot -Tsvg step.dot > step.svg` draws it.
    ///
    /// Data is grey and parameters yellow, with their names; ops are blue, those of derivatives red and dashed. What runs as one
    /// stands in a box. Numbers stand in the op that takes them. Each op says where its value stands, in the
    /// words of [`Memory`]; what is kept has a thick border, and what nothing asked for is pale. Where the drawing is an
    /// SVG, the line of the listing appears over a node.
    ///
    /// # Examples
    ///
    /// ```
    /// use gradus::prelude::*;
    ///
    /// let mut params = Params::<f64>::new();
    /// let w = params.add("layer.weight", [2], || 3.0);
    /// let (mut tape, mut gradient) = (Tape::new(), params.gradient());
    /// let step = tape.record(&params);
    /// (step.param(w) * 2.0).sin().sum().backward(&mut gradient);
    /// let dot = step.graph().dot();
    /// assert!(dot.contains("layer.weight") && dot.contains("mul(·, 2)"), "{dot}");
    /// ```
    #[must_use]
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph recording {\n");
        line(&mut text, 1, &format!("label={}", quoted(&self.headline())));
        line(&mut text, 1, r#"labelloc=t; fontname="Helvetica"; fontsize=11; nodesep=0.2; ranksep=0.3"#);
        line(&mut text, 1, r#"node [fontname="Helvetica", fontsize=10, style=filled, shape=box, height=0.3]"#);
        line(&mut text, 1, r##"edge [arrowsize=0.6, color="#606060"]"##);
        let drawn = |node: &Node| node.role != Role::Number;
        let fused = |node: &Node| node.group.is_some_and(|group| self.is_fused(group));
        for (index, group) in self.groups.iter().enumerate().filter(|&(index, _)| self.is_fused(index)) {
            let what = match group.kind {
                GroupKind::Pass => format!("group {index}: one pass over {}", group.domain),
                GroupKind::Numbers => format!("group {index}: numbers"),
                GroupKind::Alone => format!("group {index}"),
            };
            line(&mut text, 1, &format!("subgraph cluster_{index} {{"));
            line(&mut text, 2, &format!(r##"label={}; style=rounded; color="#808080"; fontsize=10"##, quoted(&what)));
            for (position, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.group == Some(index)) {
                line(&mut text, 2, &self.node(position, node));
            }
            line(&mut text, 1, "}");
        }
        for (position, node) in self.nodes.iter().enumerate().filter(|(_, node)| drawn(node) && !fused(node)) {
            line(&mut text, 1, &self.node(position, node));
        }
        for (position, node) in self.nodes.iter().enumerate() {
            for &operand in node.operands.iter().filter(|&&operand| drawn(&self.nodes[operand])) {
                line(&mut text, 1, &format!("n{operand} -> n{position}"));
            }
        }
        text.push_str("}\n");
        text
    }

    fn node(&self, position: usize, node: &Node) -> String {
        let (title, fill, style) = match node.role {
            Role::Parameter => (node.arguments.clone(), "#fff0b8", "filled"),
            Role::Data if node.arguments.is_empty() => (node.op.clone(), "#e6e6e6", "filled"),
            Role::Data => (node.arguments.clone(), "#e6e6e6", "filled"),
            Role::Adjoint => (self.call(node), "#fadbd6", "filled,rounded,dashed"),
            Role::Op | Role::Number => (self.call(node), "#d6e6fa", "filled,rounded"),
        };
        let memory = match node.memory {
            Memory::Borrowed | Memory::Unused => String::new(),
            _ => format!(" · {}", node.memory_text()),
        };
        let label = quoted(&format!("%{position} {title}\n{}{memory}", node.shape));
        let border = match node.memory {
            Memory::Kept | Memory::Gradient => ", penwidth=2",
            Memory::Unused if self.requests > 0 => r##", color="#c0c0c0", fontcolor="#a0a0a0""##,
            _ => "",
        };
        let line = quoted(&node.line);
        format!(r#"n{position} [label={label}, tooltip={line}, fillcolor="{fill}", style="{style}"{border}]"#)
    }

    /// The op with the numbers among its operands: `mul(·, 2)`.
    fn call(&self, node: &Node) -> String {
        let mut title = node.op.clone();
        if node.operands.iter().any(|&operand| self.nodes[operand].role == Role::Number) {
            let operand = |&operand: &usize| match &self.nodes[operand] {
                Node { role: Role::Number, arguments, .. } => arguments.as_str(),
                _ => "·",
            };
            let operands: Vec<_> = node.operands.iter().map(operand).collect();
            title = format!("{title}({})", operands.join(", "));
        }
        if !node.arguments.is_empty() {
            title = format!("{title} ({})", node.arguments);
        }
        title
    }
}

/// A string of the language: only quotes and backslashes mean something in it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n"))
}

fn line(text: &mut String, depth: usize, statement: &str) {
    let end = if statement.ends_with(['{', '}']) { "" } else { ";" };
    writeln!(text, "{}{statement}{end}", "  ".repeat(depth)).expect("a string takes all");
}
