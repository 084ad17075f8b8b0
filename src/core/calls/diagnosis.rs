//! How a call went, in words, with the likely cure: from its state and its devices' reports.
//!
//! Called when people look at one of their calls.

use crate::error::Text;
use crate::model::calls::{Call, CandidateKind, EndReason, Failure, RelayTransport, Report, Side};

/// What was found, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub what: Text,
    /// The likely cure; `None` when all is well.
    pub cure: Option<Text>,
}

const fn fine(what: Text) -> Finding {
    Finding { what, cure: None }
}

const fn trouble(what: Text, cure: Text) -> Finding {
    Finding { what, cure: Some(cure) }
}

/// Everything worth saying about a call to the person of `side`, most important first.
pub fn findings(call: &Call, side: Side) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(end) = call.end() {
        found.extend(of_end(end.reason, end.by, side));
    }
    let reports = [call.party(side).report, call.party(side.other()).report];
    let failed = call.end().is_some_and(|end| end.reason == EndReason::Failed);
    for (report, mine) in reports.iter().zip([true, false]) {
        match report {
            Some(report) => found.extend(of_report(report, mine, failed)),
            None if failed => found.push(if mine { MINE_SILENT } else { THEIRS_SILENT }),
            None => {}
        }
    }
    found
}

fn of_end(reason: EndReason, by: Option<Side>, side: Side) -> Option<Finding> {
    match (reason, by) {
        (EndReason::Unreachable, _) => Some(UNREACHABLE),
        (EndReason::Lost, Some(lost)) if lost == side => Some(LOST_HERE),
        (EndReason::Lost, _) => Some(LOST_THERE),
        (EndReason::Failed, _) => Some(FAILED),
        _ => None,
    }
}

fn of_report(report: &Report, mine: bool, failed: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(report.failure.map(|failure| of_failure(failure, mine)));
    if failed && !report.gathered.relay {
        found.push(if mine { NO_RELAY_HERE } else { NO_RELAY_THERE });
    }
    if mine {
        found.extend(of_path(report));
        found.extend(report.setup_ms.filter(|ms| *ms > 5_000).map(|_| SLOW));
    }
    found
}

fn of_failure(failure: Failure, mine: bool) -> Finding {
    match (failure, mine) {
        (Failure::MediaDenied, true) => DENIED_HERE,
        (Failure::MediaMissing, true) => MISSING_HERE,
        (Failure::MediaDenied | Failure::MediaMissing, false) => MEDIA_THERE,
        (Failure::IceFailed, _) => ICE,
        (Failure::DtlsFailed, _) => DTLS,
        (Failure::NegotiationFailed | Failure::Other, _) => CLIENT,
    }
}

fn of_path(report: &Report) -> Option<Finding> {
    match (report.local?, report.remote, report.relay_over) {
        (CandidateKind::Relay, _, Some(RelayTransport::Udp)) => Some(RELAYED),
        (CandidateKind::Relay, _, Some(_)) => Some(RELAYED_BY_STREAM),
        (CandidateKind::Relay, _, None) | (_, Some(CandidateKind::Relay), _) => Some(RELAYED),
        _ => Some(DIRECT),
    }
}

const UNREACHABLE: Finding = trouble(
    Text {
        en: "None of the other person's devices could be reached.",
        es: "Ningún dispositivo de la otra persona estaba disponible para sonar.",
    },
    Text {
        en: "Send a message, or call again when they are online.",
        es: "Envía un mensaje; repite la llamada cuando la persona esté en línea.",
    },
);
const LOST_HERE: Finding = trouble(
    Text {
        en: "Your device was silent for 25 seconds, so the call ended.",
        es: "No se supo de tu dispositivo durante 25 segundos y la llamada terminó.",
    },
    Text {
        en: "Check this device's network; keep the app open, or let it run in the background.",
        es: "Revisa la red de este dispositivo; mantén la app abierta o en segundo plano.",
    },
);
const LOST_THERE: Finding = trouble(
    Text {
        en: "The other device was silent for 25 seconds, so the call ended.",
        es: "No se supo del otro dispositivo durante 25 segundos y la llamada terminó.",
    },
    Text {
        en: "It lost its network, or its app was closed. Call again.",
        es: "Su red o su app se cayó. Vuelve a llamar.",
    },
);
const FAILED: Finding = trouble(
    Text {
        en: "The call was answered, but no sound or picture arrived within 20 seconds.",
        es: "Se respondió a la llamada, pero en 20 segundos no llegó sonido ni imagen.",
    },
    Text {
        en: "Open /call-test on both devices; it shows what the network blocks.",
        es: "Abre /call-test en ambos dispositivos; indica qué no deja pasar la red.",
    },
);
const MINE_SILENT: Finding = trouble(
    Text {
        en: "Your device did not report how it tried to connect.",
        es: "Tu dispositivo no informó de cómo intentó conectar.",
    },
    Text {
        en: "It may have lost its network, or the app is old: update it and call again.",
        es: "Quizá perdió la red o la app es antigua: actualízala y vuelve a llamar.",
    },
);
const THEIRS_SILENT: Finding = trouble(
    Text {
        en: "The other device did not report how it tried to connect.",
        es: "El otro dispositivo no informó de cómo intentó conectar.",
    },
    Text {
        en: "It may have lost its network, or its app is old.",
        es: "Quizá perdió la red o su app es antigua.",
    },
);
const NO_RELAY_HERE: Finding = trouble(
    Text {
        en: "Your device could not reach the relay.",
        es: "Tu dispositivo no llegó al servidor de retransmisión.",
    },
    Text {
        en: "The operator must open the TURN ports in the server's firewall and name its public \
             address (TURN_PORT, TURN_TLS_PORT, TURN_RELAY_PORTS, TURN_PUBLIC_IP); see \
             docs/calls.md. Or your network blocks it: try another.",
        es: "El operador debe abrir los puertos TURN en el cortafuegos e indicar su dirección \
             pública (TURN_PORT, TURN_TLS_PORT, TURN_RELAY_PORTS, TURN_PUBLIC_IP); véase \
             docs/es/calls.md. O tu red lo bloquea: prueba con otra.",
    },
);
const NO_RELAY_THERE: Finding = trouble(
    Text {
        en: "The other device could not reach the relay.",
        es: "El otro dispositivo no llegó al servidor de retransmisión.",
    },
    Text {
        en: "Its network blocks it, or the server's firewall does: ask the other person to open \
             /call-test.",
        es: "Lo bloquea su red o el cortafuegos del servidor: pídele que abra /call-test.",
    },
);
const SLOW: Finding = trouble(
    Text {
        en: "It took more than five seconds to connect.",
        es: "Pasaron más de cinco segundos hasta que hubo sonido o imagen.",
    },
    Text {
        en: "A firewall probably drops UDP silently, so slower paths are tried first.",
        es: "Probablemente un cortafuegos descarta UDP en silencio y se prueban vías más lentas.",
    },
);
const DENIED_HERE: Finding = trouble(
    Text {
        en: "Your browser or app was not allowed to use the microphone or the camera.",
        es: "Tu navegador o app no tiene permiso para usar el micrófono o la cámara.",
    },
    Text {
        en: "Allow it in the settings of the site or the app. Browsers ask only on https pages.",
        es: "Permítelo en los ajustes del sitio o de la app. Solo se pregunta en páginas https.",
    },
);
const MISSING_HERE: Finding = trouble(
    Text {
        en: "Your device has no microphone or camera, or another program is using it.",
        es: "Tu dispositivo no tiene micrófono o cámara, o lo usa otro programa.",
    },
    Text {
        en: "Plug one in, or close the other program; a voice call needs no camera.",
        es: "Conecta uno o cierra el otro programa; una llamada de voz no necesita cámara.",
    },
);
const MEDIA_THERE: Finding = trouble(
    Text {
        en: "The other device could not use its microphone or camera.",
        es: "El otro dispositivo no pudo usar su micrófono o su cámara.",
    },
    Text {
        en: "They must allow it, or close the program that is using it.",
        es: "La otra persona debe permitirlo o cerrar el programa que lo usa.",
    },
);
const ICE: Finding = trouble(
    Text {
        en: "No path between the two devices was found.",
        es: "No se encontró ningún camino entre los dos dispositivos.",
    },
    Text {
        en: "One of the networks blocks both the direct path and the relay: see /call-test, and \
             the list of ports in docs/calls.md.",
        es: "Una de las redes no deja pasar ni la vía directa ni la retransmisión: véase \
             /call-test y la lista de puertos en docs/es/calls.md.",
    },
);
const DTLS: Finding = trouble(
    Text {
        en: "A path was found, but encryption could not be set up.",
        es: "Se encontró un camino, pero no se estableció el cifrado.",
    },
    Text {
        en: "Something in between damages packets, or a clock is far off. Try another network.",
        es: "Algún equipo intermedio daña los paquetes o hay un reloj muy desajustado. Prueba \
             con otra red.",
    },
);
const CLIENT: Finding = trouble(
    Text { en: "One of the two programs failed.", es: "Uno de los dos programas falló." },
    Text { en: "Update both, and call again.", es: "Actualiza ambos y vuelve a llamar." },
);
const DIRECT: Finding = fine(Text {
    en: "Sound and picture went directly between the two devices.",
    es: "El sonido y la imagen fueron directamente de un dispositivo al otro.",
});
const RELAYED: Finding = fine(Text {
    en: "Sound and picture went through the relay, because there was no direct path.",
    es: "El sonido y la imagen pasaron por la retransmisión, pues no había vía directa.",
});
const RELAYED_BY_STREAM: Finding = trouble(
    Text {
        en: "Sound and picture went through the relay over TCP or TLS, because UDP is blocked.",
        es: "Sonido e imagen pasaron por la retransmisión sobre TCP o TLS, pues UDP no pasa.",
    },
    Text {
        en: "This works, but stutters on bad networks: allow UDP to the TURN port.",
        es: "Funciona, pero se entrecorta en redes malas: permite UDP hacia el puerto TURN.",
    },
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::core::calls::machine::{Input, Step, apply, begin};
    use crate::core::calls::pauses::Listening;
    use crate::id::{CallId, ChatId, ObjectId, SessionId, UserId};
    use crate::model::auth::Caller;
    use crate::model::calls::{CallKind, Gathered};

    fn device(user: u8) -> Caller {
        Caller {
            user: UserId(ObjectId([user; 12])),
            session: SessionId(ObjectId([user; 12])),
            instance: None,
        }
    }

    fn after(inputs: &[Input]) -> Call {
        let (id, chat) = (CallId(ObjectId([8; 12])), ChatId(ObjectId([9; 12])));
        let now = Time(1_000_000);
        let first = begin(id, chat, CallKind::Voice, (device(1), None), device(2).user, now).call;
        inputs.iter().fold(first, |call, input| {
            match apply(&call, input, None, now, &Listening::since(now)) {
                Step::Changed(change) => change.call,
                other => panic!("{input:?}: {other:?}"),
            }
        })
    }

    #[test]
    fn a_call_without_a_relay_names_the_ports_to_open() {
        let report = Report {
            gathered: Gathered { host: true, ..Gathered::default() },
            failure: Some(Failure::IceFailed),
            ..Report::default()
        };
        let call = after(&[
            Input::Accept(device(2)),
            Input::Report { by: device(1), report },
            Input::Leave { by: device(1).user, failed: true },
        ]);
        let found = findings(&call, Side::Caller);
        assert_eq!(found, [FAILED, ICE, NO_RELAY_HERE, THEIRS_SILENT]);
        let cures: String = found.iter().filter_map(|one| one.cure).map(|cure| cure.en).collect();
        assert!(cures.contains("TURN_PUBLIC_IP") && cures.contains("/call-test"), "{cures}");
        assert_eq!(findings(&call, Side::Callee), [FAILED, MINE_SILENT, ICE, NO_RELAY_THERE]);
    }

    #[test]
    fn a_good_call_says_which_way_it_went() {
        let path = |local, relay_over| {
            let report = Report {
                setup_ms: Some(300),
                local: Some(local),
                remote: Some(CandidateKind::Host),
                relay_over,
                ..Report::default()
            };
            let report = Input::Report { by: device(2), report };
            let end = Input::Leave { by: device(1).user, failed: false };
            findings(&after(&[Input::Accept(device(2)), report, end]), Side::Callee)
        };
        assert_eq!(path(CandidateKind::Host, None), [DIRECT]);
        assert_eq!(path(CandidateKind::Relay, Some(RelayTransport::Udp)), [RELAYED]);
        assert_eq!(path(CandidateKind::Relay, Some(RelayTransport::Tls)), [RELAYED_BY_STREAM]);
    }
}
