//! Network namespaces, in which nodes lose packets to each other or to the test.
//!
//! A test runs again, as a process of its own in a new network namespace, which ends with it and takes all
//! of this along. That namespace has two bridges: one between the nodes, and one between them and the test.
//! Each node has a namespace with an interface on both. Taking an interface off its bridge loses all
//! packets in silence, as a broken switch does.

use std::env;
use std::process::{Command, Stdio};

/// The variable that is set for the process in the namespace.
const INSIDE: &str = "LOCALMAP_TEST_NAMESPACE";

/// The bridges, each with the prefix of its addresses.
const PEERS: (&str, &str) = ("peers", "10.77.1");
const CLIENTS: (&str, &str) = ("clients", "10.77.2");

/// Returns `true` in a network namespace. Otherwise runs the test `name` again in one, which must pass, and
/// returns `false`. Where namespaces cannot be created it says that the test is skipped.
pub(crate) fn inside(name: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let Some(unshare) = unshare() else {
        eprintln!("skipped: there are no network namespaces here, or no `ip`");
        return false;
    };
    let this = env::current_exe().expect("this program");
    let ran = Command::new(&unshare[0])
        .args(&unshare[1..])
        .arg(this)
        .args([
            name,
            "--exact",
            "--include-ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    println!("{text}");
    assert!(
        ran.status.success() && text.contains("test result: ok. 1 passed"),
        "{name}"
    );
    false
}

/// Returns the command that runs another one in new namespaces, as root or as a user that becomes root in
/// them.
fn unshare() -> Option<Vec<String>> {
    let common = ["--net", "--mount", "--fork", "--kill-child"];
    [&["unshare"][..], &["unshare", "--map-root-user"]]
        .into_iter()
        .map(|first| [first, &common].concat())
        .find(|command| {
            // Also that a bridge and a file for the name of a namespace can be created there.
            let script =
                "mount -t tmpfs tmpfs /run && ip netns add test && ip link add test type bridge";
            let ran = Command::new(command[0])
                .args(&command[1..])
                .args(["sh", "-c", script])
                .output();
            ran.is_ok_and(|ran| ran.status.success())
        })
        .map(|command| command.into_iter().map(str::to_owned).collect())
}

/// The namespaces of nodes.
#[derive(Debug)]
pub(crate) struct Network;

impl Network {
    /// Creates the namespaces of so many nodes. Only [`inside`] a namespace.
    pub(crate) fn create(nodes: usize) -> Self {
        assert!(env::var_os(INSIDE).is_some(), "not in a namespace");
        run("mount -t tmpfs tmpfs /run");
        run("ip link set lo up");
        for (bridge, prefix) in [PEERS, CLIENTS] {
            run(&format!("ip link add {bridge} type bridge"));
            run(&format!("ip addr add {prefix}.254/24 dev {bridge}"));
            run(&format!("ip link set {bridge} up"));
        }
        for node in 0..nodes {
            run(&format!("ip netns add node{node}"));
            run(&format!("ip -n node{node} link set lo up"));
            for (bridge, prefix) in [PEERS, CLIENTS] {
                let port = port(bridge, node);
                run(&format!(
                    "ip link add {port} type veth peer name {bridge} netns node{node}"
                ));
                run(&format!("ip link set {port} master {bridge} up"));
                run(&format!(
                    "ip -n node{node} addr add {prefix}.{}/24 dev {bridge}",
                    node + 1
                ));
                run(&format!("ip -n node{node} link set {bridge} up"));
            }
        }
        let network = Self;
        (0..nodes).for_each(|node| network.know_neighbours(node, nodes));
        network
    }

    /// Enters the addresses of all interfaces, so that none is asked for: a question without an answer would
    /// be an error, where a lost packet is none.
    fn know_neighbours(&self, node: usize, nodes: usize) {
        for (bridge, prefix) in [PEERS, CLIENTS] {
            let know = |inside: &str, address: usize, of: &str| {
                let mac = mac(&format!("ip{of} -o link show dev {bridge}"));
                run(&format!(
                    "ip{inside} neigh replace {prefix}.{address} lladdr {mac} dev {bridge} nud permanent"
                ));
            };
            let this = format!(" -n node{node}");
            for other in (0..nodes).filter(|&other| other != node) {
                know(&this, other + 1, &format!(" -n node{other}"));
            }
            know(&this, 254, "");
            know("", node + 1, &this);
        }
    }

    /// Loses all packets between a node and the other nodes.
    pub(crate) fn isolate(&self, node: usize) {
        run(&format!("ip link set {} nomaster", port(PEERS.0, node)));
    }

    /// Ends [`isolate`](Self::isolate).
    pub(crate) fn join(&self, node: usize) {
        run(&format!(
            "ip link set {} master {}",
            port(PEERS.0, node),
            PEERS.0
        ));
    }

    /// Loses all packets between a node and the test.
    pub(crate) fn hide(&self, node: usize) {
        run(&format!("ip link set {} nomaster", port(CLIENTS.0, node)));
    }

    /// Ends [`hide`](Self::hide).
    pub(crate) fn show(&self, node: usize) {
        run(&format!(
            "ip link set {} master {}",
            port(CLIENTS.0, node),
            CLIENTS.0
        ));
    }
}

/// Returns the addresses of a node for clients and for its peers.
pub(crate) fn addresses(node: usize) -> (String, String) {
    let address = |prefix: &str, port: u16| format!("{prefix}.{}:{port}", node + 1);
    (address(CLIENTS.1, 2379), address(PEERS.1, 2380))
}

/// Returns the start of a command that runs in the namespace of a node.
pub(crate) fn inside_node(node: usize) -> [String; 4] {
    ["ip", "netns", "exec", &format!("node{node}")].map(str::to_owned)
}

fn port(bridge: &str, node: usize) -> String {
    format!("{bridge}{node}")
}

fn run(command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let ran = Command::new(words[0]).args(&words[1..]).output();
    let ran = ran.expect("it starts");
    assert!(
        ran.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

/// Returns the hardware address in what `ip link` prints.
fn mac(command: &str) -> String {
    let printed = run(command);
    let mut words = printed.split(' ').skip_while(|&word| word != "link/ether");
    words.nth(1).expect("an address").to_owned()
}
