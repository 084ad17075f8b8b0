//! `mqtt`: the load of `fanout` on a broker that speaks MQTT 3.1.1. Everybody subscribes to one
//! topic, one more publishes at an even rate, with QoS 0: nothing is stored, nothing is acked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::client::error::{Error, Result};
use crate::client::stream::{self, Stream};
use crate::measure::meter::Meter;
use crate::measure::pace::{Pacer, Schedule};
use crate::measure::report::Phase;
use crate::run::crew::{Crew, Stop, source};
use crate::run::group::{Shared, measured};
use crate::run::{Bare, Pace, Prepared, Workload};
use crate::server::Target;

/// A fan-out over a broker.
#[derive(Debug, Clone, Copy)]
pub struct Mqtt {
    /// Subscribers.
    pub members: usize,
    /// Messages a second.
    pub rate: f64,
    /// Bytes of a message.
    pub size: usize,
}

/// The topic of the load.
const TOPIC: &str = "load";
/// Kinds of packets, with their flags.
const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;

/// Writes a packet: its kind, the length of the rest in groups of seven bits, the parts.
fn packet(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut left = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut out = vec![kind];
    loop {
        let (low, more) = ((left & 0x7f) as u8, left > 0x7f);
        out.push(low | if more { 0x80 } else { 0 });
        left >>= 7;
        if !more {
            break;
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// The length of a packet and of its head, if it is there as a whole.
fn whole(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut left = 0;
    for (index, byte) in bytes.iter().skip(1).take(4).enumerate() {
        left |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let head = index + 2;
            return (bytes.len() >= head + left).then_some((head + left, head));
        }
    }
    None
}

fn length(text: &str) -> [u8; 2] {
    (text.len() as u16).to_be_bytes()
}

/// A client's connection.
struct Line {
    stream: Stream,
    input: BytesMut,
}

impl Line {
    async fn open(addr: SocketAddr, from: Option<IpAddr>, name: &str) -> Result<Self> {
        let stream = stream::open(addr, from, None, None).await?;
        let mut line = Self { stream, input: BytesMut::with_capacity(4096) };
        // Protocol level 4, a clean session, and no pings within a load.
        let head = b"\x00\x04MQTT\x04\x02\x00\x00";
        let connect = packet(CONNECT, &[head, &length(name), name.as_bytes()]);
        line.stream.write_all(&connect).await?;
        line.next().await.map(|_| line)
    }

    async fn subscribe(&mut self) -> Result<()> {
        let asked = packet(SUBSCRIBE, &[b"\x00\x01", &length(TOPIC), TOPIC.as_bytes(), b"\x00"]);
        self.stream.write_all(&asked).await?;
        self.next().await.map(drop)
    }

    async fn publish(&mut self, text: &str) -> Result<()> {
        let parts: [&[u8]; 3] = [&length(TOPIC), TOPIC.as_bytes(), text.as_bytes()];
        Ok(self.stream.write_all(&packet(PUBLISH, &parts)).await?)
    }

    /// The next packet; of a publication what it carries. Safe to drop while waiting.
    async fn next(&mut self) -> Result<BytesMut> {
        loop {
            if let Some((end, head)) = whole(&self.input) {
                let mut packet = self.input.split_to(end);
                let is_publication = packet[0] & 0xf0 == PUBLISH;
                packet.advance(head);
                if is_publication {
                    packet.advance((2 + TOPIC.len()).min(packet.len()));
                }
                return Ok(packet);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(Error::Closed(0));
            }
        }
    }
}

#[async_trait]
impl Workload for Mqtt {
    fn name(&self) -> &'static str {
        "fan-out by MQTT"
    }

    fn sessions(&self) -> usize {
        0
    }

    fn bare(&self) -> Option<Bare> {
        None
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        Ok(Box::new(Ready { load: *self, target }))
    }
}

struct Ready<'t> {
    load: Mqtt,
    target: &'t Target,
}

async fn listen(shared: Arc<Shared>, task: usize, mut line: Line, mut stop: Stop) -> Result<()> {
    loop {
        tokio::select! {
            text = line.next() => {
                let text = text?;
                let text = std::str::from_utf8(&text);
                shared.hear(task, text.map_err(|_| Error::protocol("not UTF-8"))?)?;
            }
            () = stop.wait() => return Ok(()),
        }
    }
}

async fn publish(
    shared: Arc<Shared>,
    mut line: Line,
    mut due: mpsc::UnboundedReceiver<u64>,
    size: usize,
) -> Result<()> {
    while let Some(index) = due.recv().await {
        line.publish(&shared.event(index, size)).await?;
    }
    Ok(())
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let Mqtt { members, rate, size } = self.load;
        let addr = self.target.addr;
        let waiting = Duration::from_millis(members as u64);
        let schedule = Schedule::new(Instant::now() + pace.warmup + waiting, rate);
        let shared = Shared::scheduled("", size / 4, members, schedule);
        let (mut sending, mut listening) = (Crew::default(), Crew::default());
        for task in 0..members {
            let from = source(task, addr.ip());
            let mut line = Line::open(addr, from, &format!("member-{task}")).await?;
            line.subscribe().await?;
            let stop = listening.stop_sign();
            listening.add(listen(Arc::clone(&shared), task, line, stop));
        }
        let (queue, due) = mpsc::unbounded_channel();
        let line = Line::open(addr, None, "sender").await?;
        sending.add(publish(Arc::clone(&shared), line, due, size));
        let pacer = Pacer::start(schedule, move |index| {
            // A sender that is gone has failed, which ends the run.
            let _ = queue.send(index);
        });
        listening.work_for(schedule.start.saturating_duration_since(Instant::now())).await?;
        let (count, span) = measured(&mut listening, &shared, meter, pace).await?;
        let phase =
            Phase::new(format!("{members} members, {rate} a second"), "delivery", count, &span)
                .latency("due to delivered", &shared.latencies().take())
                .carrying(size as f64)
                .lag(&pacer.stop());
        let missing = shared.finish(sending, listening).await?;
        Ok(vec![phase.figure("deliveries missing", missing as f64).judged()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_every_length_are_read_as_they_were_written() {
        for size in [0, 1, 127, 128, 300, 20_000] {
            let bytes = packet(PUBLISH, &[&vec![7; size]]);
            assert_eq!(
                whole(&bytes).map(|(end, head)| (end, end - head)),
                Some((bytes.len(), size))
            );
            assert_eq!(whole(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(whole(b""), None);
    }
}
