//! The nodes as a picture: a graph in the language of Graphviz, with this node in the middle.

use std::fmt::Write;

use protocol::nodes::{Node, NodeList, NodeState};

/// Functions named in a node's box; the number of the others follows.
const FUNCTIONS_SHOWN_MAX: usize = 8;

/// The graph, for `dot`, `neato` or any other program of Graphviz.
pub(crate) fn dot(list: &NodeList) -> String {
    let mut text = String::from(
        "graph nodes {\n  layout=dot; rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n",
    );
    node_line(&mut text, &list.own, true);
    for node in &list.nodes {
        node_line(&mut text, node, false);
    }
    for node in &list.nodes {
        let label = node.rtt_ms.map(|rtt| format!("{rtt:.2} ms")).unwrap_or_default();
        let style = if is_present(node.state) { "solid" } else { "dashed" };
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "  {} -- {} [label={}, style={style}];",
            quoted(&list.own.id.to_string()),
            quoted(&node.id.to_string()),
            quoted(&label)
        );
    }
    text.push_str("}\n");
    text
}

fn node_line(text: &mut String, node: &Node, is_own: bool) {
    let colour = colour(node.state);
    let border = if is_own { 3 } else { 1 };
    let id = quoted(&node.id.to_string());
    let label = quoted(&label(node));
    let _ = writeln!(text, "  {id} [label={label}, fillcolor=\"{colour}\", penwidth={border}];");
}

/// Colours that are told apart in grey as well.
fn colour(state: NodeState) -> &'static str {
    match state {
        NodeState::Alive => "#c8f0c8",
        NodeState::Suspect => "#ffe08a",
        NodeState::Dead => "#e89090",
        NodeState::Left => "#d8d8d8",
    }
}

fn is_present(state: NodeState) -> bool {
    matches!(state, NodeState::Alive | NodeState::Suspect)
}

fn label(node: &Node) -> String {
    let name = if node.name.is_empty() { node.id.to_string() } else { node.name.clone() };
    let mut lines = vec![name, std::net::SocketAddr::new(node.address, node.ports.gossip).to_string()];
    if !node.group.is_empty() {
        lines.push(format!("group {}", node.group));
    }
    lines.push(crate::metrics::state_name(node.state).to_owned());
    if let Some(load) = node.load.filter(|_| node.slots > 0) {
        let draining = if load.draining { ", draining" } else { "" };
        lines.push(format!("{} of {} slots, {} waiting{draining}", load.running, node.slots, load.waiting));
    }
    let shown = node.functions.iter().take(FUNCTIONS_SHOWN_MAX).map(|function| function.to_string());
    lines.extend(shown);
    if node.functions.len() > FUNCTIONS_SHOWN_MAX {
        lines.push(format!("and {} more", node.functions.len() - FUNCTIONS_SHOWN_MAX));
    }
    lines.join("\n")
}

/// A string of the language: in quotes, with `\n` between lines. What others call themselves may hold
/// anything, and must not end the string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use protocol::NodeId;
    use protocol::nodes::{NodeLoad, NodePorts};

    use super::*;

    fn node(id: u64, state: NodeState) -> Node {
        Node {
            id: NodeId::new(id),
            name: String::new(),
            address: [10, 0, 0, 7].into(),
            ports: NodePorts { gossip: 19_001, ..NodePorts::default() },
            group: String::new(),
            cell: String::new(),
            state,
            generation: 1,
            incarnation: 0,
            since: 0,
            rtt_ms: Some(0.5),
            architecture: String::new(),
            version: String::new(),
            slots: 4,
            load: Some(NodeLoad { running: 1, waiting: 2, draining: false }),
            service_time_ms: None,
            functions: vec!["echo".parse().unwrap()],
        }
    }

    #[test]
    fn shows_every_node_with_its_state_and_the_way_to_it() {
        let nodes = vec![node(2, NodeState::Alive), node(3, NodeState::Dead)];
        let text = dot(&NodeList { own: node(1, NodeState::Alive), nodes, version: 1 });
        assert!(
            text.contains("\"0000000000000001\" -- \"0000000000000002\" [label=\"0.50 ms\", style=solid];")
        );
        assert!(
            text.contains("\"0000000000000001\" -- \"0000000000000003\" [label=\"0.50 ms\", style=dashed];")
        );
        assert!(text.contains("1 of 4 slots, 2 waiting\\necho"), "{text}");
        assert!(text.contains("#e89090"));
    }

    #[test]
    fn names_cannot_break_out() {
        let mut own = node(1, NodeState::Alive);
        own.name = "a\"]; evil -- \"b\\\r\n".to_owned();
        let text = dot(&NodeList { own, nodes: vec![], version: 1 });
        assert!(text.contains("label=\"a\\\"]; evil -- \\\"b\\\\ \\n\\n10.0.0.7:19001"), "{text}");
    }
}
