use std::error::Error;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::cli::{Cli, Command, print_settings};
use crate::logs::LogControl;
use crate::settings::{Common, Settings, Sources, Store};
use crate::signals::Signals;
use crate::{Daemon, Running, logs};

/// `EX_CONFIG` of BSD's sysexits: the settings are wrong.
const EXIT_BAD_SETTINGS: u8 = 78;

/// A second signal ends the process at once, with the status that shells give to an interrupted command.
const EXIT_INTERRUPTED: i32 = 130;

/// How long the health check waits for an answer; Docker asks again.
const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The life of a daemon's process: settings, then start, a signal, drain and stop.
pub fn run<D: Daemon>() -> ExitCode {
    let cli = Cli::parse();
    let sources = Sources::of_process(cli.config);
    let store = match Store::<D::Settings>::load(&sources) {
        Ok(store) => store,
        Err(error) => {
            complain(D::Settings::SERVICE, &error);
            return EXIT_BAD_SETTINGS.into();
        }
    };
    let common = store.current().common();
    match cli.command {
        Some(Command::Settings) => {
            print_settings(&store);
            ExitCode::SUCCESS
        }
        Some(Command::Healthcheck) => healthcheck(&common),
        None => serve::<D>(store, &sources),
    }
}

fn serve<D: Daemon>(store: Store<D::Settings>, sources: &Sources) -> ExitCode {
    let log = logs::init(&store.current().common());
    for variable in sources.unknown_variables::<D::Settings>() {
        tracing::warn!(variable, "this variable sets nothing in this service");
    }
    raise_open_files();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(D::Settings::SERVICE, &error);
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(live::<D>(store, log)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(D::Settings::SERVICE, &*error);
            ExitCode::FAILURE
        }
    }
}

/// Lets this process have as many open files as the system allows: each connection takes one, and the
/// usual soft limit is 1,024.
pub fn raise_open_files() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

async fn live<D: Daemon>(store: Store<D::Settings>, log: LogControl) -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::listen()?;
    store.follow(move |settings| log.set(&settings.common().log_level));
    let running = Running::<D>::start(store).await?;

    let signal = signals.next().await;
    tracing::info!(signal, "draining");
    tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::warn!(signal, "stopping at once");
        std::process::exit(EXIT_INTERRUPTED);
    });
    running.drain().await;
    running.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Asks `GET /health` of the daemon that listens where these settings say.
fn healthcheck(settings: &Common) -> ExitCode {
    let mut address = settings.listening;
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    match ask_health(address) {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => ExitCode::SUCCESS,
        Ok(answer) => {
            complain_text(answer.lines().last().unwrap_or("no answer"));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain_text(&format!("{address}: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn ask_health(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, HEALTHCHECK_TIMEOUT)?;
    stream.set_read_timeout(Some(HEALTHCHECK_TIMEOUT))?;
    write!(stream, "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn complain(service: &str, error: &dyn Error) {
    let mut text = format!("{service}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    complain_text(&text);
}

#[expect(clippy::print_stderr, reason = "said before there is a log, or by a command")]
fn complain_text(text: &str) {
    eprintln!("{text}");
}
