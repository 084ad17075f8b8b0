/** Small parts that every screen uses: icons, avatars, dialogs, menus, switches, toasts. */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { Id } from 'wechat-sdk';

import { t } from './i18n.js';
import { facePath, usePicture } from './pictures.js';
import { toasts, watch } from './state.js';

/** The icons of the page's beginning; the others are in a file of their own (build.mjs). */
const FIRST = new Set('{{icons}}'.split(' '));

export function Icon({ name, label }: { name: string; label?: string }): JSX.Element {
  return (
    <svg class="icon" aria-hidden={label ? undefined : 'true'} role={label ? 'img' : undefined}
      aria-label={label}>
      <use href={`/assets/${FIRST.has(name) ? 'icons' : 'icons.more'}.svg#${name}`} />
    </svg>
  );
}

interface IconButtonProps {
  icon: string;
  label: string;
  onClick: (event: MouseEvent) => void;
  class?: string;
  pressed?: boolean;
  disabled?: boolean;
}

export function IconButton(props: IconButtonProps): JSX.Element {
  return (
    <button type="button" class={`icon-button ${props.class ?? ''}`} aria-label={props.label}
      title={props.label} aria-pressed={props.pressed} disabled={props.disabled}
      onClick={props.onClick}>
      <Icon name={props.icon} />
    </button>
  );
}

/** A number from 0 to 11 that stands for the same person or group everywhere. */
export function hue(id: Id): number {
  let sum = 0;
  for (let at = 0; at < id.length; at++) sum = (sum * 31 + id.charCodeAt(at)) >>> 0;
  return sum % 12;
}

const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = (word: string | undefined): string =>
    word ? [...segments.segment(word)][0]?.segment ?? '' : '';
  const both = first(words[0]) + (words.length > 1 ? first(words.at(-1)) : '');
  return both.toLocaleUpperCase();
}

interface AvatarProps {
  id: Id;
  name: string;
  size?: 's' | 'm' | 'l' | 'xl';
  group?: boolean;
  online?: boolean;
  /** Its picture, where it is not one of those that are kept. */
  picture?: Id | null | undefined;
}

export function Avatar(
  { id, name, size = 'm', group, online, picture: file }: AvatarProps,
): JSX.Element {
  watch('users', 'session', `chat:${id}`);
  const picture = usePicture(facePath(id, file));
  return (
    <span class={`avatar avatar-${size} hue-${hue(id)}`} aria-hidden="true"
      data-initials={initials(name)}>
      {!name && <Icon name={group ? 'users' : 'user'} />}
      {picture && <img src={picture} alt="" />}
      {online && <span class="online" />}
    </span>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  class?: string;
}

/** A native dialog: Escape closes it, the focus stays in it and goes back after it. */
export function Dialog({ title, onClose, children, class: name = '' }: DialogProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  const onBackdrop = (event: MouseEvent): void => {
    if (event.target === ref.current) onClose();
  };
  return (
    <dialog ref={ref} class={`dialog ${name}`} aria-labelledby={heading} onClick={onBackdrop}
      onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={heading}>{title}</h2>
          <IconButton icon="x" label={t('close')} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  action: string;
  onDone: (yes: boolean) => void;
  danger?: boolean;
}

export function Confirm({ title, text, action, onDone, danger = true }: ConfirmProps): JSX.Element {
  return (
    <Dialog title={title} onClose={() => onDone(false)} class="confirm">
      <p>{text}</p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => onDone(false)}>{t('cancel')}</button>
        <button type="button" class={`button ${danger ? 'danger' : 'primary'}`}
          onClick={() => onDone(true)}>{action}</button>
      </div>
    </Dialog>
  );
}

export interface MenuItem {
  icon: string;
  label: string;
  onClick: () => void;
  danger?: boolean;
}

interface MenuProps {
  label: string;
  /** Where it opens, in pixels of the window; below the middle of a narrow one it is a sheet. */
  at: { x: number; y: number };
  items: (MenuItem | false | null | undefined)[];
  onClose: () => void;
  children?: ComponentChildren;
}

/** A menu that keeps inside the window; arrows move in it. */
export function Menu({ label, at, items, onClose, children }: MenuProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (!dialog) return undefined;
    dialog.showModal();
    const { offsetWidth: w, offsetHeight: h } = dialog;
    const rtl = getComputedStyle(dialog).direction === 'rtl';
    const x = Math.min(Math.max(8, rtl ? at.x - w : at.x), innerWidth - w - 8);
    const y = at.y + h + 8 > innerHeight ? Math.max(8, at.y - h) : at.y;
    dialog.style.setProperty('--x', `${x}px`);
    dialog.style.setProperty('--y', `${y}px`);
    return () => dialog.close();
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const buttons = [...(ref.current?.querySelectorAll('button') ?? [])];
    const now = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[(now + step + buttons.length) % buttons.length]?.focus();
  };
  // The finger that opened it by a long press is lifted above it: that is no click on it.
  const pressed = useRef(false);
  const onPointerDown = (event: PointerEvent): void => {
    pressed.current = event.target === ref.current;
  };
  const onClick = (event: MouseEvent): void => {
    if (event.target === ref.current && pressed.current) onClose();
  };
  return (
    <dialog ref={ref} class="menu" aria-label={label} onClick={onClick}
      onPointerDown={onPointerDown} onKeyDown={onKeyDown}
      onCancel={(event) => { event.preventDefault(); onClose(); }}>
      {children}
      {items.map((item) => item && (
        <button type="button" key={item.label} class={item.danger ? 'danger' : ''}
          onClick={() => { onClose(); item.onClick(); }}>
          <Icon name={item.icon} /><span>{item.label}</span>
        </button>
      ))}
    </dialog>
  );
}

interface SwitchProps {
  label: string;
  hint?: string;
  on: boolean;
  onChange: (on: boolean) => void;
  disabled?: boolean;
}

export function Switch({ label, hint, on, onChange, disabled }: SwitchProps): JSX.Element {
  const id = useId();
  return (
    <label class="switch-row">
      <span class="grow">
        <span>{label}</span>
        {hint && <small id={id}>{hint}</small>}
      </span>
      <input type="checkbox" role="switch" class="switch" checked={on} disabled={disabled}
        aria-describedby={hint ? id : undefined}
        onChange={(event) => onChange(event.currentTarget.checked)} />
    </label>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  icon: string;
  value: T;
  options: [T, string][];
  onChange: (value: T) => void;
}

/** One of a few. */
export function Choice<T extends string>(
  { label, icon, value, options, onChange }: ChoiceProps<T>,
): JSX.Element {
  return (
    <fieldset class="choice">
      <legend><Icon name={icon} /> {label}</legend>
      <div class="segments">
        {options.map(([option, name]) => (
          <label key={option}>
            <input type="radio" name={icon} checked={option === value}
              onChange={() => onChange(option)} />
            <span>{name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Spinner({ label }: { label?: string }): JSX.Element {
  return <span class="spinner" role="status" aria-label={label ?? t('loading')} />;
}

export function Empty({ icon, title, text, children }: {
  icon: string; title: string; text?: string; children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty">
      <span class="empty-icon"><Icon name={icon} /></span>
      <p class="empty-title">{title}</p>
      {text && <p>{text}</p>}
      {children}
    </div>
  );
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, isError }) => (
        <p key={id} class={isError ? 'toast error' : 'toast'}>{text}</p>
      ))}
    </div>
  );
}
