/** How the server's figures went: a chart each, with the same numbers as a table behind it. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Figures, Span, Trend, Trends } from 'wechat-sdk';

import { bytes } from './files_text.js';
import { date, full } from './format.js';
import { lang, t } from './i18n.js';
import { attempt, client } from './state.js';
import type { Key } from './texts/en.js';
import { Choice, Spinner } from './ui.js';

const HOUR_MS = 3_600_000;
const LENGTHS: Record<Span, number> = { hour: HOUR_MS, day: 24 * HOUR_MS };
const RANGES = [
  ['day', 'hour', 24], ['week', 'hour', 168], ['quarter', 'day', 90], ['year', 'day', 366],
] as const;

type Range = typeof RANGES[number];
type Name = Range[0];

/** A time, and what there was then; nothing where no server ran. */
interface Point {
  at: number;
  value: number | null;
}

interface Kind {
  name: Key;
  /** What happened in each time, as bars; else how much there was, as a line. */
  isCount: boolean;
  of: (row: Trend, before: Trend | undefined) => number | null;
  say: (value: number) => string;
}

const plain = (value: number): string => value.toLocaleString(lang.value);

const KINDS: readonly Kind[] = [
  { name: 'admin.people', isCount: false, of: (row) => row.people, say: plain },
  {
    name: 'admin.messages', isCount: true, say: plain,
    of: (row, before) => (before ? Math.max(0, row.messages - before.messages) : null),
  },
  { name: 'admin.calls', isCount: true, of: (row) => row.calls, say: plain },
  { name: 'admin.files', isCount: false, of: (row) => row.file_bytes, say: bytes },
  { name: 'admin.errors', isCount: true, of: (row) => row.errors, say: plain },
];

/** `now`: how much there is at this moment, which the row of a time that is not over may lack. */
export function Charts({ now }: { now: Figures }): JSX.Element {
  const range = useSignal<Range>(RANGES[1]);
  const found = useSignal<Trends | null>(null);
  const [, span, last] = range.value;
  useEffect(() => {
    // One more, for what the first of them began with.
    const asked = client.rest.get<Trends>('/operator/trends', { span, last: last + 1 });
    void attempt(asked).then((trends) => { if (trends) found.value = trends; });
  }, [range.value]);
  const trends = found.value;
  return (
    <section class="charts" aria-label={t('admin.trends')}>
      <Choice<Name> label={t('admin.trends')} icon="chart-column" value={range.value[0]}
        options={RANGES.map(([name]) => [name, t(`admin.trends.${name}` as Key)])}
        onChange={(name) => {
          range.value = RANGES.find(([known]) => known === name) ?? RANGES[0];
        }} />
      {trends?.span !== span ? <div class="empty"><Spinner /></div> : (
        <div class="chart-grid">
          {KINDS.map((kind) => (
            <Chart key={kind.name} kind={kind} span={span}
              points={points(kind, trends, last, now)} />
          ))}
        </div>
      )}
    </section>
  );
}

/** A point for each time up to now, whether there is a row of it or not. */
function points(kind: Kind, { span, rows }: Trends, last: number, now: Figures): Point[] {
  const length = LENGTHS[span];
  const known = new Map(rows.map((row) => [Date.parse(row.at), row]));
  const newest = Math.floor(client.now() / length) * length;
  const latest = known.get(newest);
  if (latest) known.set(newest, { ...latest, ...now });
  return Array.from({ length: last }, (_, place) => {
    const at = newest - (last - 1 - place) * length;
    const row = known.get(at);
    return { at, value: row ? kind.of(row, known.get(at - length)) : null };
  });
}

function Chart({ kind, span, points: all }: {
  kind: Kind; span: Span; points: Point[];
}): JSX.Element {
  const isOpen = useSignal(false);
  const name = t(kind.name);
  const there = all.filter(({ value }) => value !== null) as { at: number; value: number }[];
  const most = Math.max(0, ...there.map(({ value }) => value));
  const sum = there.reduce((whole, { value }) => whole + value, 0);
  const now = kind.isCount ? sum : there.at(-1)?.value ?? 0;
  const when = (at: number): string => (span === 'hour' ? full(at) : date(at));
  const [first, latest] = [all[0]?.at ?? 0, all.at(-1)?.at ?? 0];
  return (
    <figure class="card chart">
      <figcaption><span>{name}</span><b>{kind.say(now)}</b></figcaption>
      <small class="dim chart-most">{kind.say(most)}</small>
      <svg viewBox={`0 0 ${all.length} 100`} preserveAspectRatio="none" role="img"
        aria-label={t('admin.chart', { name, now: kind.say(now), most: kind.say(most) })}>
        {kind.isCount
          ? <Bars all={all} most={most || 1}
            say={({ at, value }) => `${when(at)}: ${kind.say(value)}`} />
          : <path class="chart-line" d={line(all, most || 1)} vector-effect="non-scaling-stroke" />}
      </svg>
      <small class="dim chart-ends"><span>{when(first)}</span><span>{when(latest)}</span></small>
      <details onToggle={(event) => { isOpen.value = event.currentTarget.open; }}>
        <summary>{t('admin.chart.table')}</summary>
        {isOpen.value && <Table name={name} there={there} when={when} say={kind.say} />}
      </details>
    </figure>
  );
}

function Bars({ all, most, say }: {
  all: Point[]; most: number; say: (point: { at: number; value: number }) => string;
}): JSX.Element {
  return (
    <>
      {all.map(({ at, value }, place) => (value ? (
        <rect key={at} x={place + 0.1} width={0.8} y={100 - value / most * 100}
          height={value / most * 100}>
          <title>{say({ at, value })}</title>
        </rect>
      ) : null))}
    </>
  );
}

/** A line through the points, with a gap where there are none. */
function line(all: Point[], most: number): string {
  let path = '';
  let isDrawn = false;
  for (const [place, { value }] of all.entries()) {
    if (value !== null) {
      const y = 98 - value / most * 96;
      // A point alone is as wide as its time.
      path += isDrawn ? `H${place + 1}V${y}` : `M${place} ${y}`;
      path += `H${place + 1}`;
    }
    isDrawn = value !== null;
  }
  return path;
}

function Table({ name, there, when, say }: {
  name: string; there: { at: number; value: number }[];
  when: (at: number) => string; say: (value: number) => string;
}): JSX.Element {
  return (
    <div class="chart-table" tabIndex={0} role="region" aria-label={name}>
      <table>
        <thead>
          <tr><th scope="col">{t('admin.chart.time')}</th><th scope="col">{name}</th></tr>
        </thead>
        <tbody>
          {[...there].reverse().map(({ at, value }) => (
            <tr key={at}><th scope="row">{when(at)}</th><td>{say(value)}</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
