//! Programs written for rayon: the same text compiled against both, with the same results. The
//! programs use nothing whose result rayon leaves open.
use std::process::ExitCode;

mod with_detpar {
    use detpar as par;
    include!("rayon_programs/programs.rs");
}

mod with_rayon {
    use rayon as par;
    include!("rayon_programs/programs.rs");
}

fn main() -> ExitCode {
    detpar::__private::main(run)
}

fn run() -> ExitCode {
    // rayon's threads start when no more children will.
    let ours: Vec<_> =
        with_detpar::PROGRAMS.iter().map(|(name, program)| (name, program())).collect();
    for ((name, ours), (_, rayons)) in ours.into_iter().zip(with_rayon::PROGRAMS) {
        assert_eq!(ours, rayons(), "{name}");
        println!("{name}: ok");
    }
    ExitCode::SUCCESS
}
