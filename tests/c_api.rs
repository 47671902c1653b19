//! The C interface from the outside: every program in `tests/c` is compiled as C99 without a
//! warning against the installed tree, run, and run again under valgrind. Before it starts, the
//! servers that its `SERVER` comments ask for are started here, and after it ended they are asked
//! whether the client kept the rules.

mod c;
mod support;
mod tree;

use c::{Program, Run};

/// One test per C program, native and under valgrind.
macro_rules! programs {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            let program = Program::build(concat!(stringify!($name), ".c"));
            program.run(Run::Native);
            program.run(Run::Valgrind);
        })*

        const PROGRAMS: &[&str] = &[$(concat!(stringify!($name), ".c")),*];
    };
}

programs! {
    addresses
    authenticate
    cancel
    deadlines
    descriptors
    destroyed
    errors
    forked
    handles
    idle
    interrupted
    lifecycle
    loop_forked
    loop_races
    loop_scarce
    mime
    mime_files
    mime_input
    next_try
    nonblocking
    outcomes
    pending
    pending_phases
    poll_fd
    probe
    random_calls
    reentry
    resolver
    setup
    sigpipe
    threads
    tls
    token
    transcript
    untouched
    walk
}

/// Not linked with the library: it loads it.
#[test]
fn loaded() {
    let program = Program::build_with("loaded.c", &["-DNOT_LINKED", "-ldl"]);
    program.run(Run::Native);
    program.run(Run::Valgrind);
}

/// valgrind's own memory would drown the program's.
#[test]
fn memory() {
    Program::build("memory.c").run(Run::Native);
}

/// It looks how long calls take.
#[test]
fn watchdog() {
    Program::build("watchdog.c").run(Run::Native);
}

/// It has an allocator of its own, which valgrind would replace.
#[test]
fn scarce() {
    Program::build("scarce.c").run(Run::Native);
}

/// Linked with a library that panics when it is told to.
#[test]
fn panics() {
    let library = c::panicking_library();
    let directory = format!("-L{}", library.display());
    let path = format!("-Wl,-rpath,{}", library.display());
    let program =
        Program::build_with("panics.c", &["-DNOT_LINKED", &directory, &path, "-lsmtpclient"]);
    program.run(Run::Native);
    program.run(Run::Valgrind);
}

#[test]
fn an_exception_out_of_a_callback_aborts() {
    const SIGABRT: i32 = 6;
    Program::build("thrown.cpp").run_into_signal(SIGABRT);
}

/// The C++ layer.
#[test]
fn wrapper() {
    let program = Program::build("wrapper.cpp");
    program.run(Run::Native);
    program.run(Run::Valgrind);
}

/// Messages in it.
#[test]
fn message() {
    let program = Program::build("message.cpp");
    program.run(Run::Native);
    program.run(Run::Valgrind);
}

#[test]
fn the_walk_leaves_no_function_out() {
    let used = Program::build("walk.c").undefined_symbols();
    let functions = c::calls::functions();
    let missing: Vec<_> = functions.iter().filter(|one| !used.contains(&one.name)).collect();
    assert!(missing.is_empty(), "tests/c/walk.c does not call {missing:#?}");
}

#[test]
fn every_program_is_run() {
    let others = [
        "loaded.c",
        "memory.c",
        "message.cpp",
        "panics.c",
        "scarce.c",
        "thrown.cpp",
        "watchdog.c",
        "wrapper.cpp",
    ];
    for name in Program::names() {
        let known = PROGRAMS.contains(&name.as_str()) || others.contains(&name.as_str());
        assert!(known, "tests/c/{name} is run by no test");
    }
}
