/**
 * Cuts a square out of a picture, for people and groups. Loaded with the first one that is chosen.
 */

import { useSignal } from '@preact/signals';
import type { CSSProperties, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { t } from './i18n.js';
import { say } from './state.js';
import { Dialog, Icon, Spinner } from './ui.js';

/** What the picture becomes. */
const SIDE_PX = 640;
const MOST = 4;
const KEY_STEP = 0.04;

/** What is seen: how near, and where its middle lies in the picture (both from 0 to 1). */
interface View {
  zoom: number;
  x: number;
  y: number;
}

export function Crop(
  { file, onDone }: { file: Blob; onDone: (picture: Blob | null) => void },
): JSX.Element {
  const picture = useSignal<HTMLImageElement | null>(null);
  const view = useSignal<View>({ zoom: 1, x: 0.5, y: 0.5 });
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const url = URL.createObjectURL(file);
    const image = new Image();
    image.src = url;
    image.decode().then(() => { picture.value = image; }, () => {
      say(t('file.unreadable'), true);
      onDone(null);
    });
    return () => URL.revokeObjectURL(url);
  }, [file]);
  const image = picture.value;
  const look = (change: Partial<View>): void => {
    if (image) view.value = inside(image, { ...view.peek(), ...change });
  };
  const drag = (event: PointerEvent): void => {
    const side = box.current?.clientWidth;
    if (!image || !side || !event.buttons) return;
    const seen = seenOf(image, view.peek().zoom);
    look({
      x: view.peek().x - (event.movementX / side) * (seen / image.naturalWidth),
      y: view.peek().y - (event.movementY / side) * (seen / image.naturalHeight),
    });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const { x, y } = view.peek();
    if (event.key === 'ArrowLeft') look({ x: x - KEY_STEP });
    else if (event.key === 'ArrowRight') look({ x: x + KEY_STEP });
    else if (event.key === 'ArrowUp') look({ y: y - KEY_STEP });
    else if (event.key === 'ArrowDown') look({ y: y + KEY_STEP });
    else return;
    event.preventDefault();
  };
  const done = async (): Promise<void> => {
    if (image) onDone(await cut(image, view.peek()));
  };
  return (
    <Dialog title={t('file.crop')} onClose={() => onDone(null)} class="crop">
      <div ref={box} class="crop-box" tabIndex={0} role="group" aria-label={t('file.crop.move')}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag} onKeyDown={onKeyDown}
        onWheel={(event) => {
          event.preventDefault();
          look({ zoom: view.peek().zoom * Math.exp(-event.deltaY / 600) });
        }}>
        {image
          ? <img src={image.src} alt="" draggable={false} style={placed(image, view.value)} />
          : <Spinner />}
      </div>
      <label class="crop-zoom">
        <Icon name="zoom-in" label={t('file.crop.zoom')} />
        <input type="range" min={1} max={MOST} step={0.01} value={view.value.zoom}
          onInput={(event) => look({ zoom: Number(event.currentTarget.value) })} />
      </label>
      <div class="buttons">
        <button type="button" class="button" onClick={() => onDone(null)}>{t('cancel')}</button>
        <button type="button" class="button primary" disabled={!image} onClick={() => void done()}>
          {t('save')}
        </button>
      </div>
    </Dialog>
  );
}

/** How many pixels of the picture the square shows along a side. */
function seenOf({ naturalWidth, naturalHeight }: HTMLImageElement, zoom: number): number {
  return Math.min(naturalWidth, naturalHeight) / zoom;
}

/** The nearest view whose square lies inside the picture. */
function inside(image: HTMLImageElement, { zoom, x, y }: View): View {
  const near = Math.min(MOST, Math.max(1, zoom));
  const seen = seenOf(image, near);
  const within = (value: number, size: number): number => {
    const margin = seen / size / 2;
    return Math.min(1 - margin, Math.max(margin, value));
  };
  return { zoom: near, x: within(x, image.naturalWidth), y: within(y, image.naturalHeight) };
}

function placed(image: HTMLImageElement, { zoom, x, y }: View): CSSProperties {
  const seen = seenOf(image, zoom);
  const [w, h] = [image.naturalWidth / seen, image.naturalHeight / seen];
  return {
    width: `${w * 100}%`, height: `${h * 100}%`, left: `${(0.5 - x * w) * 100}%`,
    top: `${(0.5 - y * h) * 100}%`,
  };
}

function cut(image: HTMLImageElement, { zoom, x, y }: View): Promise<Blob | null> {
  const seen = seenOf(image, zoom);
  const side = Math.round(Math.min(SIDE_PX, seen));
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = side;
  const context = canvas.getContext('2d');
  if (!context) return Promise.resolve(null);
  context.fillStyle = '#fff';
  context.fillRect(0, 0, side, side);
  context.imageSmoothingQuality = 'high';
  context.drawImage(
    image, x * image.naturalWidth - seen / 2, y * image.naturalHeight - seen / 2, seen, seen, 0, 0,
    side, side,
  );
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.9));
}
