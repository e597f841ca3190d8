//! The rustc wrapper (`RUSTC_WRAPPER`), and a wrapper of the linker: reports the cost of each call.
//!
//! Cargo starts this program as `wrapper RUSTC ARGUMENTS…`. It sends the call to trimtab, over a local socket, and gets
//! one of two answers: the output files are there already, or the command line of rustc to run, of which it reports the
//! stages, as they begin, and the cost. Calls that compile no unit of Cargo's, such as those of build scripts that probe the compiler, go straight
//! to rustc.
//!
//! Under any other name it acts as a linker: it runs the real one, and once more for each further value of `strip`.
//!
//! There are no dependencies, since it is compiled by the user's own rustc, whichever that is.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::raw::{c_int, c_long};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{exit, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const NAME: &str = "trimtab-rustc";
const SOCKET: &str = "TRIMTAB_SOCKET";
const LINKER: &str = "TRIMTAB_LINKER";
const LINK_RECORD: &str = "TRIMTAB_LINK_RECORD";
const LINK_RECORD_IS: &[u8] = b"TRIMTAB_LINK_RECORD=";
const STRIPS: &str = "TRIMTAB_STRIPS";
const OURSELVES: c_int = 0;
const CHILDREN: c_int = -1;
const PAUSE: Duration = Duration::from_millis(40);

fn main() {
    let mut words = env::args_os();
    let own = words.next().unwrap_or_default();
    let words: Vec<OsString> = words.collect();
    let result = match Path::new(&own).file_name() {
        Some(name) if name == NAME => compile(words),
        _ => link(words),
    };
    match result {
        Ok(status) => end(status),
        Err(error) => {
            eprintln!("error: trimtab's rustc wrapper: {}", error);
            exit(1)
        }
    }
}

/// Ends as another process did, so that its parent sees the signal, if it was one.
fn end(status: Option<ExitStatus>) -> ! {
    let status = match status {
        Some(status) => status,
        None => exit(0),
    };
    if let Some(signal) = status.signal() {
        unsafe { raise(signal) };
    }
    exit(status.code().unwrap_or(1))
}

fn compile(words: Vec<OsString>) -> io::Result<Option<ExitStatus>> {
    let socket = env::var_os(SOCKET).filter(|_| is_unit(&words));
    let socket = match (socket, words.split_first()) {
        (Some(socket), _) => socket,
        (None, Some((program, rest))) => return Err(Command::new(program).args(rest).exec()),
        (None, None) => return Err(io::Error::new(io::ErrorKind::InvalidInput, "no rustc to run")),
    };
    let mut trimtab = UnixStream::connect(socket)?;
    let mut asked = vec![env::current_dir()?.into_os_string()];
    asked.extend(words);
    send(&mut trimtab, asked.iter().map(|word| word.as_bytes()))?;
    let surroundings: Vec<Vec<u8>> = env::vars_os().map(|(name, value)| pair(&name, &value)).collect();
    send(&mut trimtab, surroundings.iter().map(|item| item.as_slice()))?;
    let answer = receive(&mut trimtab)?;
    if let Some(said) = answer.first() {
        io::stderr().write_all(said)?; // diagnostics from when the files were made
        return Ok(None);
    }
    let argv = receive(&mut trimtab)?;
    let settings = receive(&mut trimtab)?;
    let links = receive(&mut trimtab)?;
    let events = trimtab.try_clone()?;
    let (status, report, said) = run(&argv, &settings, &links, events)?;
    send(&mut trimtab, [report.as_bytes(), said.as_slice()].iter().copied())?;
    receive(&mut trimtab)?;
    Ok(Some(status))
}

/// Whether a call compiles one of Cargo's units: these have a metadata of their own and report in JSON.
fn is_unit(words: &[OsString]) -> bool {
    let starts = |start: &str| words.iter().any(|word| word.as_bytes().starts_with(start.as_bytes()));
    starts("metadata=") && starts("--error-format=json") && starts("--crate-name") && starts("--out-dir")
}

fn run(
    argv: &[Vec<u8>],
    settings: &[Vec<u8>],
    links: &[Vec<u8>],
    events: UnixStream,
) -> io::Result<(ExitStatus, String, Vec<u8>)> {
    let mut command = Command::new(OsStr::from_bytes(&argv[0]));
    command.args(argv[1..].iter().map(|word| OsStr::from_bytes(word))).env_remove(SOCKET).stderr(Stdio::piped());
    for setting in settings {
        let at = setting.iter().position(|byte| *byte == b'=').unwrap_or(setting.len());
        command.env(OsStr::from_bytes(&setting[..at]), OsStr::from_bytes(&setting[(at + 1).min(setting.len())..]));
    }
    let (since, begun) = (unix_time(), Instant::now());
    let mut child = command.spawn()?;
    let pid = child.id();
    let done = Arc::new((Mutex::new(false), Condvar::new()));
    let optimizes = argv.iter().any(|word| word == b"lto" || (word.starts_with(b"lto=") && word != b"lto=off"));
    let watcher = {
        let done = Arc::clone(&done);
        let link_begun = settings.iter().find_map(|setting| setting.strip_prefix(LINK_RECORD_IS)).map(link_begun);
        thread::spawn(move || watch(pid, &done, begun, optimizes, link_begun, events))
    };
    let (mut said, mut metadata) = (Vec::new(), None);
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            if contains(&line, b"\"emit\":\"metadata\"") && metadata.is_none() {
                metadata = Some((begun.elapsed().as_secs_f64(), cpu_so_far(pid)));
                for two in links.chunks(2) {
                    hard_link(&two[0], &two[1])?;
                }
            }
            io::stderr().write_all(&line)?;
            said.append(&mut line);
        }
    }
    let status = child.wait()?;
    let wall = begun.elapsed().as_secs_f64();
    *done.0.lock().unwrap_or_else(|broken| broken.into_inner()) = true;
    done.1.notify_all();
    let seen = watcher.join().unwrap_or_default();
    let usage = used_by(CHILDREN);
    let (metadata_wall, metadata_cpu) = metadata.unwrap_or((-1.0, -1.0));
    let report = format!(
        "since={} wall={} cpu={} largest={} metadata_wall={} metadata_cpu={} own={} shared={} lto_begin={} \
         cpu_before_lto={} cargo_cpu={} own_cpu={} signal={} code={}",
        since, wall, usage.0, usage.1, metadata_wall, metadata_cpu, seen.own, seen.shared, seen.lto_begin,
        seen.cpu_before_lto, cpu_so_far(std::os::unix::process::parent_id()), used_by(OURSELVES).0, status.signal().unwrap_or(0), status.code().unwrap_or(-1),
    );
    Ok((status, report, said))
}

/// Samples of a process that runs.
#[derive(Default)]
struct Seen {
    own: u64,
    shared: u64,
    lto_begin: f64,
    cpu_before_lto: f64,
}

/// Samples memory, and the names of threads, which rustc gives by their work.
///
/// Link-time optimization, where there is any, begins with a thread `lto …` or, where all is one module, when the
/// `coordinator` has ended. The link begins when its wrapper has left a file. Both are reported as they begin; who
/// gets that may have gone meanwhile.
fn watch(
    pid: u32,
    done: &(Mutex<bool>, Condvar),
    begun: Instant,
    optimizes: bool,
    link_begun: Option<PathBuf>,
    mut events: UnixStream,
) -> Seen {
    let mut seen = Seen { lto_begin: -1.0, ..Seen::default() };
    let (mut coordinated, mut links) = (false, false);
    let mut over = done.0.lock().unwrap_or_else(|broken| broken.into_inner());
    while !*over {
        over = match done.1.wait_timeout(over, PAUSE) {
            Ok((over, _)) => over,
            Err(_) => break,
        };
        if *over {
            break;
        }
        if let Ok(text) = fs::read_to_string(format!("/proc/{}/statm", pid)) {
            let pages: Vec<u64> = text.split(' ').filter_map(|field| field.trim().parse().ok()).collect();
            if let [_, resident, shared, ..] = pages[..] {
                seen.own = seen.own.max(resident.saturating_sub(shared));
                seen.shared = seen.shared.max(shared);
            }
        }
        if !links && link_begun.as_ref().map_or(false, |path| path.exists()) {
            links = true;
            send(&mut events, [&b"LINKING"[..]].iter().copied()).ok();
        }
        if !optimizes || links || seen.lto_begin >= 0.0 {
            continue;
        }
        let (mut coordinates, mut begins) = (false, false);
        for task in fs::read_dir(format!("/proc/{}/task", pid)).into_iter().flatten().flatten() {
            let name = fs::read(task.path().join("comm")).unwrap_or_default();
            coordinates |= name.starts_with(b"coordinator");
            begins |= name.starts_with(b"lto ");
        }
        if begins || (coordinated && !coordinates) {
            seen.lto_begin = begun.elapsed().as_secs_f64();
            seen.cpu_before_lto = cpu_so_far(pid);
            send(&mut events, [&b"LTO"[..]].iter().copied()).ok();
        }
        coordinated |= coordinates;
    }
    seen
}

fn link(words: Vec<OsString>) -> io::Result<Option<ExitStatus>> {
    let linker = env::var_os(LINKER)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "TRIMTAB_LINKER is not set"))?;
    if let Some(path) = env::var_os(LINK_RECORD) {
        fs::write(link_begun(path.as_bytes()), "")?;
    }
    let (since, begun) = (unix_time(), Instant::now());
    let status = Command::new(&linker).args(&words).status()?;
    if let Some(path) = env::var_os(LINK_RECORD) {
        let usage = used_by(CHILDREN);
        fs::write(path, format!("{} {} {}", since, begun.elapsed().as_secs_f64(), usage.0))?;
    }
    let strips = env::var(STRIPS).unwrap_or_default();
    let output = words.iter().position(|word| word == "-o").map(|at| at + 1).filter(|at| *at < words.len());
    if let (true, Some(output)) = (status.success(), output) {
        for strip in strips.split(',').filter(|strip| !strip.is_empty()) {
            let mut words = words.clone();
            words[output].push(format!(".{}", strip));
            // rustc speaks to a linker itself, or to a C compiler that has one.
            let start = if words.iter().any(|word| word.as_bytes().starts_with(b"-Wl,")) { "-Wl," } else { "" };
            match strip {
                "debuginfo" => words.push(format!("{}--strip-debug", start).into()),
                "symbols" => words.push(format!("{}--strip-all", start).into()),
                _ => (),
            }
            let again = Command::new(&linker).args(&words).status()?;
            if !again.success() {
                return Ok(Some(again)); // what is not stripped as asked must not pass for it
            }
        }
    } else if status.success() && !strips.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the linker has no argument -o"));
    }
    Ok(Some(status))
}

/// The file that says that a link has begun, beside its record.
fn link_begun(record: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(record)).with_extension("begun")
}

fn missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn hard_link(from: &[u8], to: &[u8]) -> io::Result<()> {
    let (from, to) = (Path::new(OsStr::from_bytes(from)), Path::new(OsStr::from_bytes(to)));
    fs::remove_file(to).or_else(missing)?;
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))
}

fn contains(line: &[u8], wanted: &[u8]) -> bool {
    line.windows(wanted.len()).any(|part| part == wanted)
}

fn pair(name: &OsStr, value: &OsStr) -> Vec<u8> {
    let mut both = name.to_os_string();
    both.push("=");
    both.push(value);
    both.into_vec()
}

fn send<'a>(stream: &mut UnixStream, items: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    let items: Vec<&[u8]> = items.collect();
    let mut frame = (items.len() as u32).to_le_bytes().to_vec();
    for item in items {
        frame.extend_from_slice(&(item.len() as u32).to_le_bytes());
        frame.extend_from_slice(item);
    }
    stream.write_all(&frame)
}

fn receive(stream: &mut UnixStream) -> io::Result<Vec<Vec<u8>>> {
    let mut items = Vec::new();
    for _ in 0..number(stream)? {
        let mut item = vec![0; number(stream)?];
        stream.read_exact(&mut item)?;
        items.push(item);
    }
    Ok(items)
}

fn number(stream: &mut UnixStream) -> io::Result<usize> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

fn unix_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// CPU seconds, user and system, of a process that still runs.
fn cpu_so_far(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid)).unwrap_or_default();
    let fields: Vec<f64> =
        text.rsplit(')').next().unwrap_or("").split(' ').filter_map(|field| field.parse().ok()).collect();
    // After the name and the state, which is no number, utime and stime are the 11th and 12th; a tick is 1/100 s.
    fields.get(10).zip(fields.get(11)).map_or(-1.0, |(user, system)| (user + system) / 100.0)
}

#[repr(C)]
#[derive(Default)]
struct Usage {
    times: [c_long; 4],
    largest: c_long,
    rest: [c_long; 13],
}

extern "C" {
    fn getrusage(who: c_int, usage: *mut Usage) -> c_int;
    fn raise(signal: c_int) -> c_int;
}

/// CPU seconds of this process, or of all children that have ended; and the most KiB that one of them had in memory.
fn used_by(who: c_int) -> (f64, c_long) {
    let mut usage = Usage::default();
    unsafe { getrusage(who, &mut usage) };
    let [user, user_micro, system, system_micro] = usage.times;
    ((user + system) as f64 + (user_micro + system_micro) as f64 / 1e6, usage.largest)
}
