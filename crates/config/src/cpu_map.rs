//! Reads `cpu-map` lines: which threads may run on which CPUs (configuration.txt §3.1 "cpu-map").

use crate::diagnostic::Diagnostic;
use crate::line::Line;
use crate::tree::CpuMap;
use crate::value::natural;

/// Threads and CPUs are numbered within these.
const THREADS_MOST: u16 = 64;
const CPUS_MOST: u16 = 8192;

/// `cpu-map [auto:]GROUP[/THREADS] CPUS[,CPUS…] …`. All threads are in group 1 here; what is said about others concerns nobody.
pub(crate) fn line(line: Line<'_>) -> Result<CpuMap, Diagnostic> {
    if line.count() < 3 {
        let message = format!(
            "{} expects a process number  ('all', 'odd', 'even', a number from 1 to {THREADS_MOST} or a range),  \
             followed by a list of CPU ranges with numbers from 0 to {}.",
            line.keyword(),
            CPUS_MOST - 1
        );
        return Err(line.alert(line.count(), message));
    }
    let word = line.word(1);
    let (is_auto, set) = match word.strip_prefix("auto:") {
        Some(set) => (true, set),
        None => (false, word),
    };
    let (groups, threads) = set.split_once('/').map_or((set, "all"), |(groups, threads)| (groups, threads));
    let fail = |part: &str| line.alert(1, format!("cpu-map : '{part}' is not a valid number/range."));
    let groups = numbers(groups, 1, THREADS_MOST).ok_or_else(|| fail(groups))?;
    let threads = numbers(threads, 1, THREADS_MOST).ok_or_else(|| fail(threads))?;
    let mut cpus = Vec::new();
    for index in 2..line.count() {
        for part in line.word(index).split(',') {
            let not = || line.alert(index, format!("cpu-map : '{part}' is not a CPU range."));
            cpus.extend(range(part, 0, CPUS_MOST - 1).ok_or_else(not)?);
        }
    }
    cpus.sort_unstable();
    cpus.dedup();
    if groups.first() != Some(&1) {
        return Ok(CpuMap { is_auto: false, threads: Vec::new(), cpus });
    }
    if is_auto && groups.len() == cpus.len() && groups.len() > 1 {
        // A CPU for each group.
        cpus.truncate(1);
        return Ok(CpuMap { is_auto: false, threads, cpus });
    }
    if is_auto && threads.len() != cpus.len() {
        let message = "cpu-map : PROC/THREAD range and CPU sets must have the same size to be automatically bound";
        return Err(line.alert(1, message));
    }
    Ok(CpuMap { is_auto, threads, cpus })
}

/// `all`, `odd`, `even`, or a range.
fn numbers(word: &str, first: u16, last: u16) -> Option<Vec<u16>> {
    match word {
        "all" => Some((first..=last).collect()),
        "odd" => Some((first..=last).filter(|number| number % 2 == 1).collect()),
        "even" => Some((first..=last).filter(|number| number % 2 == 0).collect()),
        word => range(word, first, last).map(Iterator::collect),
    }
}

/// `N`, `N-M`, or `N-` for all from there.
fn range(word: &str, least: u16, most: u16) -> Option<impl Iterator<Item = u16> + use<>> {
    let (first, last) = match word.split_once('-') {
        None => (natural(word)?, natural(word)?),
        Some((first, "")) => (natural(first)?, most),
        Some((first, last)) => (natural(first)?, natural(last)?),
    };
    let (first, last): (u16, u16) = if first <= last { (first, last) } else { (last, first) };
    (least <= first && last <= most).then_some(first..=last)
}
