//! Network.

use super::super::policy::{Arg::*, Row, Topic, refuse};

const NETWORK: &str = "the network is the outside: use it in the master, before or after the join";

/// Network.
pub(crate) const TOPIC: Topic = Topic {
    title: "Network",
    intro: "A child has no descriptors, and nothing comes in from outside.",
    rows: ROWS,
};

const ROWS: &[Row] = &[
    refuse(41, "socket", &[Num, Num, Num], NETWORK),
    refuse(42, "connect", &[Fd, Ptr, Num], NETWORK),
    refuse(43, "accept", &[Fd, Ptr, Ptr], NETWORK),
    refuse(44, "sendto", &[Fd, Ptr, Num, Bits, Ptr, Num], NETWORK),
    refuse(45, "recvfrom", &[Fd, Ptr, Num, Bits, Ptr, Ptr], NETWORK),
    refuse(46, "sendmsg", &[Fd, Ptr, Bits], NETWORK),
    refuse(47, "recvmsg", &[Fd, Ptr, Bits], NETWORK),
    refuse(48, "shutdown", &[Fd, Num], NETWORK),
    refuse(49, "bind", &[Fd, Ptr, Num], NETWORK),
    refuse(50, "listen", &[Fd, Num], NETWORK),
    refuse(51, "getsockname", &[Fd, Ptr, Ptr], NETWORK),
    refuse(52, "getpeername", &[Fd, Ptr, Ptr], NETWORK),
    refuse(53, "socketpair", &[Num, Num, Num, Ptr], NETWORK),
    refuse(54, "setsockopt", &[Fd, Num, Num, Ptr, Num], NETWORK),
    refuse(55, "getsockopt", &[Fd, Num, Num, Ptr, Ptr], NETWORK),
    refuse(288, "accept4", &[Fd, Ptr, Ptr, Bits], NETWORK),
    refuse(299, "recvmmsg", &[Fd, Ptr, Num, Bits, Ptr], NETWORK),
    refuse(307, "sendmmsg", &[Fd, Ptr, Num, Bits], NETWORK),
];
