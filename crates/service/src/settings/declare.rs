/// Declares the settings of a daemon: one line a key, with its meaning, when it takes effect, its type,
/// default and unit. The keys that every daemon has are put before them.
///
/// ```
/// service::settings! {
///     /// The settings of a daemon that waters plants.
///     pub struct Settings for "gardener" on port 18000 {
///         /// Plants that are watered at once.
///         Live plants_max: service::settings::Whole<1, 100> = service::settings::Whole::nearest(4), "plants";
///     }
/// }
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        $visible:vis struct $name:ident for $service:literal on port $port:literal {
            $($keys:tt)*
        }
        $(check_together $check:expr;)?
    ) => {
        $crate::settings! { @declare
            $(#[$attribute])*
            $visible struct $name for $service check ($($check)?) {
                /// The address that the service listens on.
                Restart listening_host: std::net::IpAddr = std::net::Ipv4Addr::UNSPECIFIED.into(), "";
                /// The port that the service listens on; 0 lets the system choose one.
                Restart listening_port: $crate::settings::Whole<0, 65_535> = $crate::settings::Whole::nearest($port), "";
                /// The folder for what must survive a restart; it is made if it is missing.
                Restart data_path: std::path::PathBuf = "data".into(), "";
                /// For whom the service logs: JSON lines for machines, or text for people.
                Restart log_env (dev_env): $crate::LogEnv = $crate::LogEnv::Production, "";
                /// What the service logs: a level, or targets with levels such as `info,scheduler=debug`.
                Live log_level: $crate::settings::LogLevel = $crate::settings::LogLevel::default(), "";
                /// Connections open at once; more wait in the system's backlog.
                Restart connections_max: $crate::settings::Whole<1, 1_000_000> = $crate::settings::Whole::nearest(10_000), "connections";
                /// How long a client may take to send a request's head, and how long a connection may idle.
                Restart header_timeout_ms: $crate::settings::Whole<100, 3_600_000> = $crate::settings::Whole::nearest(60_000), "ms";
                /// How long work that was accepted may go on after the signal to stop.
                Live drain_timeout_ms: $crate::settings::Whole<0, 3_600_000> = $crate::settings::Whole::nearest(30_000), "ms";
                $($keys)*
            }
        }
    };
    (@declare
        $(#[$attribute:meta])*
        $visible:vis struct $name:ident for $service:literal check ($($check:expr)?) {
            $(
                $(#[doc = $meaning:literal])+
                $effect:ident $key:ident $(($alias:ident))?: $kind:ty = $default:expr, $unit:literal;
            )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        $visible struct $name {
            $($(#[doc = $meaning])+ pub $key: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $crate::settings::Settings for $name {
            const SERVICE: &'static str = $service;

            fn keys() -> Vec<$crate::settings::Key> {
                let Ok(serde_json::Value::Object(mut defaults)) = serde_json::to_value(Self::default()) else {
                    unreachable!("settings are a JSON object");
                };
                vec![$($crate::settings::Key {
                    name: stringify!($key),
                    alias: [$(stringify!($alias),)?].first().copied(),
                    meaning: concat!($($meaning),+).trim().to_owned(),
                    unit: $unit,
                    default: defaults.remove(stringify!($key)).unwrap_or_default(),
                    allowed: <$kind as $crate::settings::Allowed>::allowed(),
                    effect: $crate::settings::Effect::$effect,
                    is_secret: <$kind as $crate::settings::Allowed>::is_secret(),
                },)*]
            }

            fn common(&self) -> $crate::settings::Common {
                $crate::settings::Common {
                    listening: (self.listening_host, self.listening_port.port()).into(),
                    data_path: self.data_path.clone(),
                    log_env: self.log_env,
                    log_level: self.log_level.clone(),
                    drain_timeout: self.drain_timeout_ms.milliseconds(),
                    server: $crate::ServerOptions {
                        connections_max: self.connections_max.size(),
                        header_timeout: self.header_timeout_ms.milliseconds(),
                    },
                }
            }

            fn check_together(&self) -> Result<(), (&'static str, String)> {
                $(
                    let check: fn(&Self) -> Result<(), (&'static str, String)> = $check;
                    check(self)?;
                )?
                Ok(())
            }
        }
    };
}
