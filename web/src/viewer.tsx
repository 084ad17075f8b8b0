/**
 * Pictures and films in full: zoomed by wheel, fingers, double click or keys, one after the other
 * by swipe, arrows or buttons. Loaded with the first one that is opened.
 */

import { useSignal } from '@preact/signals';
import type { HTMLAttributes, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { PlayFilm } from './files.js';
import { full } from './format.js';
import { t } from './i18n.js';
import { usePicture } from './pictures.js';
import { client } from './state.js';
import { Icon, IconButton, Spinner } from './ui.js';
import { type Shown, save, viewing } from './viewing.js';

const MOST = 8;
/** What a double click and a key make of the size. */
const DOUBLE = 2.5;
const STEP = 1.4;
const SWIPE_PX = 60;

const close = (): void => { viewing.value = null; };

export function Viewer(): JSX.Element | null {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  const { value } = viewing;
  const one = value?.all[value.at];
  useEffect(() => {
    for (const near of [value?.all[(value?.at ?? 0) + 1], value?.all[(value?.at ?? 0) - 1]]) {
      if (near?.file.kind === 'image') client.files.picture(pathOf(near)).catch(() => undefined);
    }
  }, [one]);
  if (!value || !one) return null;
  const { all, at } = value;
  const step = (by: number): void => {
    const to = at + by;
    if (to >= 0 && to < all.length) viewing.value = { all, at: to };
  };
  // Forwards is where the text runs to.
  const forwards = (): number =>
    (ref.current && getComputedStyle(ref.current).direction === 'rtl' ? -1 : 1);
  const onKeyDown = (event: KeyboardEvent): void => {
    if ((event.target as Element).matches('video')) return;
    if (event.key === 'ArrowRight') step(forwards());
    else if (event.key === 'ArrowLeft') step(-forwards());
    else if (event.key === 'Home') viewing.value = { all, at: 0 };
    else if (event.key === 'End') viewing.value = { all, at: all.length - 1 };
    else return;
    event.preventDefault();
  };
  return (
    <dialog ref={ref} class="full" aria-label={one.file.name} onKeyDown={onKeyDown}
      onCancel={(event) => { event.preventDefault(); close(); }}>
      <header>
        <span class="grow">
          <span class="full-by" dir="auto">{one.by}</span>
          {one.sent && <small>{full(one.sent)}</small>}
        </span>
        {all.length > 1 && (
          <span class="full-count" role="status">
            {t('file.count', { n: at + 1, all: all.length })}
          </span>
        )}
        <IconButton icon="download" label={t('file.save')} onClick={() => void save(one.file)} />
        <IconButton icon="x" label={t('close')} onClick={close} />
      </header>
      <div class="stage">
        {one.file.kind === 'video'
          ? <PlayFilm key={one.file.id} file={one.file} class="full-film" />
          : <Zoomed key={one.file.id} one={one} onSwipe={(by) => step(by * forwards())} />}
        {at > 0 && (
          <Step icon="chevron-left" label={t('file.previous')} class="before"
            onClick={() => step(-1)} />
        )}
        {at < all.length - 1 && (
          <Step icon="chevron-right" label={t('file.next')} class="on" onClick={() => step(1)} />
        )}
      </div>
    </dialog>
  );
}

function Step({ icon, label, class: name, onClick }: {
  icon: string; label: string; class: string; onClick: () => void;
}): JSX.Element {
  return (
    <button type="button" class={`icon-button full-step ${name} flip`} aria-label={label}
      title={label} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

function pathOf({ file }: Shown): string {
  return file.animated ? file.url : file.large_url ?? file.url;
}

interface Place {
  scale: number;
  x: number;
  y: number;
}
const WHOLE: Place = { scale: 1, x: 0, y: 0 };

/**
 * A picture that can be zoomed and moved; `onSwipe` asks for the next (1) or the one before (-1).
 */
function Zoomed({ one, onSwipe }: { one: Shown; onSwipe: (by: number) => void }): JSX.Element {
  const stage = useRef<HTMLDivElement>(null);
  const place = useSignal(WHOLE);
  const isNear = place.value.scale > 1;
  const first = usePicture(pathOf(one));
  // From near only the picture itself is sharp enough.
  const sharp = usePicture(isNear ? one.file.url : null);
  const touch = useTouch(stage, place.value, (to) => { place.value = to; }, onSwipe);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const scale = { '+': STEP, '=': STEP, '-': 1 / STEP, 0: 0 }[event.key];
      if (scale === undefined) return;
      place.value = bounded(stage.current, zoomed(place.peek(), scale * place.peek().scale, 0, 0));
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
  const { scale, x, y } = place.value;
  const source = sharp || first;
  return (
    <div ref={stage} class={`zoomed ${isNear ? 'near' : ''}`} {...touch}>
      {source === '' && <p class="full-gone"><Icon name="image-off" /> {t('file.gone')}</p>}
      {source === null && <Spinner />}
      {source && (
        <img src={source} alt={one.file.name} draggable={false}
          style={{ transform: `translate(${x}px, ${y}px) scale(${scale})` }} />
      )}
    </div>
  );
}

/** Zooms so that the point (x, y), counted from the middle, stays where it is. */
function zoomed(from: Place, to: number, x: number, y: number): Place {
  const scale = Math.min(MOST, Math.max(1, to));
  const by = scale / from.scale;
  return { scale, x: x - (x - from.x) * by, y: y - (y - from.y) * by };
}

/** No side of the picture comes further in than the middle of the stage. */
function bounded(stage: HTMLElement | null, { scale, x, y }: Place): Place {
  if (!stage || scale === 1) return WHOLE;
  const within = (value: number, size: number): number => {
    const most = (size * (scale - 1)) / 2;
    return Math.min(most, Math.max(-most, value));
  };
  return { scale, x: within(x, stage.clientWidth), y: within(y, stage.clientHeight) };
}

type Touch = Pick<HTMLAttributes<HTMLDivElement>,
  'onPointerDown' | 'onPointerMove' | 'onPointerUp' | 'onPointerCancel' | 'onWheel' | 'onDblClick'>;

/** Fingers, mouse and wheel on a picture. */
function useTouch(
  stage: { current: HTMLDivElement | null },
  place: Place,
  move: (to: Place) => void,
  onSwipe: (by: number) => void,
): Touch {
  const down = useRef(new Map<number, { x: number; y: number }>());
  const began = useRef({ x: 0, y: 0, isPinch: false });
  const set = (to: Place): void => move(bounded(stage.current, to));
  const point = (event: MouseEvent): { x: number; y: number } => {
    const box = stage.current?.getBoundingClientRect() ?? new DOMRect();
    return {
      x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2,
    };
  };
  const onPointerDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    stage.current?.setPointerCapture(event.pointerId);
    down.current.set(event.pointerId, point(event));
    began.current = { ...point(event), isPinch: down.current.size > 1 };
  };
  const onPointerMove = (event: PointerEvent): void => {
    const before = down.current.get(event.pointerId);
    if (!before) return;
    const now = point(event);
    const other = [...down.current].find(([id]) => id !== event.pointerId)?.[1];
    down.current.set(event.pointerId, now);
    if (other) {
      const by = distance(now, other) / (distance(before, other) || 1);
      set(zoomed(place, place.scale * by, (now.x + other.x) / 2, (now.y + other.y) / 2));
    } else if (place.scale > 1) {
      set({ ...place, x: place.x + now.x - before.x, y: place.y + now.y - before.y });
    }
  };
  const onPointerEnd = (event: PointerEvent): void => {
    if (!down.current.delete(event.pointerId) || down.current.size || began.current.isPinch) return;
    if (place.scale > 1 || event.type !== 'pointerup') return;
    const now = point(event);
    const [x, y] = [now.x - began.current.x, now.y - began.current.y];
    if (Math.abs(x) > SWIPE_PX && Math.abs(x) > 2 * Math.abs(y)) onSwipe(x < 0 ? 1 : -1);
    else if (y > 2 * SWIPE_PX && y > 2 * Math.abs(x)) close();
  };
  return {
    onPointerDown,
    onPointerMove,
    onPointerUp: onPointerEnd,
    onPointerCancel: onPointerEnd,
    onWheel: (event) => {
      event.preventDefault();
      const { x, y } = point(event);
      set(zoomed(place, place.scale * Math.exp(-event.deltaY / 400), x, y));
    },
    onDblClick: (event) => {
      const { x, y } = point(event);
      set(zoomed(place, place.scale > 1 ? 1 : DOUBLE, x, y));
    },
  };
}

const distance = (a: { x: number; y: number }, b: { x: number; y: number }): number =>
  Math.hypot(a.x - b.x, a.y - b.y);
