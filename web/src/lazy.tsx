/**
 * Screens that are not needed at first, with their looks and texts: loaded when they are, or when
 * the page has nothing to do.
 */

import { useSignal } from '@preact/signals';
import type { ComponentType, JSX } from 'preact';
import { useEffect } from 'preact/hooks';

import { speakMore, t } from './i18n.js';
import { say, told } from './state.js';
import { Spinner } from './ui.js';

const waiting: (() => Promise<unknown>)[] = [];
let sheet: Promise<void> | null = null;

/** The style sheet of all but logging in and the list of chats. */
function looks(): Promise<void> {
  sheet ??= new Promise((done, fail) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = '/assets/more.css';
    link.onload = () => done();
    link.onerror = () => {
      link.remove();
      sheet = null;
      fail(new Error(t('error.offline')));
    };
    document.head.append(link);
  });
  return sheet;
}

/** `pane` is where it will stand; what lies over the page stands nowhere until it is there. */
export function lazy<P extends object>(
  load: () => Promise<ComponentType<P>>,
  pane = 'list-pane',
): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  const get = async (): Promise<void> => {
    if (!loaded) [loaded] = await Promise.all([load(), looks(), speakMore()]);
  };
  waiting.push(get);
  return function Lazy(props: P): JSX.Element | null {
    const isThere = useSignal(loaded !== null);
    useEffect(() => {
      if (!isThere.value) {
        get().then(() => { isThere.value = true; }, (error: unknown) => say(told(error), true));
      }
    }, []);
    if (isThere.value && loaded) {
      const Screen = loaded;
      return <Screen {...props} />;
    }
    return pane
      ? <section class={`pane ${pane}`}><div class="empty"><Spinner /></div></section>
      : null;
  };
}

/** Loads what is left, so that it is there without a network too. */
export function loadRest(): void {
  setTimeout(() => {
    for (const get of waiting) void get().catch(() => undefined);
  }, 1_500);
}
