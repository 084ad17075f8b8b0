/** Screens that are not needed at first: loaded when they are, or when the page has nothing to do. */

import { useSignal } from '@preact/signals';
import type { ComponentType, JSX } from 'preact';
import { useEffect } from 'preact/hooks';

import { say, told } from './state.js';
import { Spinner } from './ui.js';

const waiting: (() => Promise<unknown>)[] = [];

export function lazy<P extends object>(
  load: () => Promise<ComponentType<P>>,
  pane = 'list-pane',
): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  const get = async (): Promise<void> => { loaded ??= await load(); };
  waiting.push(get);
  return function Lazy(props: P): JSX.Element {
    const isThere = useSignal(loaded !== null);
    useEffect(() => {
      if (!isThere.value) get().then(() => { isThere.value = true; }, (error: unknown) => say(told(error), true));
    }, []);
    if (!isThere.value || !loaded) return <section class={`pane ${pane}`}><div class="empty"><Spinner /></div></section>;
    const Screen = loaded;
    return <Screen {...props} />;
  };
}

/** Loads what is left, so that it is there without a network too. */
export function loadRest(): void {
  setTimeout(() => {
    for (const get of waiting) void get().catch(() => undefined);
  }, 1_500);
}
