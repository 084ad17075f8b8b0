/** What the operators' lists share: pages of rows that follow one another. */

import { type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';

import { t } from './i18n.js';
import { attempt } from './state.js';
import { Empty, Spinner } from './ui.js';

/** A page of rows, and what the next one is asked for with. */
export interface Rows<R> {
  rows: R[];
  next?: string | null | undefined;
}

export interface Paged<R> {
  /** None while the first page is on its way. */
  rows: Signal<R[] | null>;
  next: Signal<string | undefined>;
  /** Asks for the next page, or the first again. */
  more: (isAgain?: boolean) => Promise<void>;
}

/** Rows by pages; asked for anew when `about` changes. */
export function usePages<R>(
  ask: (after: string | undefined) => Promise<Rows<R>>, about: string,
): Paged<R> {
  const rows = useSignal<R[] | null>(null);
  const next = useSignal<string | undefined>(undefined);
  const turn = useSignal(0);
  const more = async (isAgain = false): Promise<void> => {
    const mine = isAgain ? ++turn.value : turn.peek();
    const found = await attempt(ask(isAgain ? undefined : next.peek()));
    // What was typed since asks for itself.
    if (!found || mine !== turn.peek()) return;
    rows.value = isAgain ? found.rows : [...rows.peek() ?? [], ...found.rows];
    next.value = found.next ?? undefined;
  };
  useEffect(() => { void more(true); }, [about]);
  return { rows, next, more };
}

interface ListProps<R> {
  pages: Paged<R>;
  icon: string;
  none: string;
  children: (row: R) => ComponentChildren;
}

/** The rows, with a button for more. */
export function List<R>({ pages, icon, none, children }: ListProps<R>): JSX.Element {
  const rows = pages.rows.value;
  if (!rows) return <div class="empty"><Spinner /></div>;
  if (!rows.length) return <Empty icon={icon} title={none} />;
  return (
    <>
      <div class="card">{rows.map(children)}</div>
      {pages.next.value && (
        <button type="button" class="button wide" onClick={() => void pages.more()}>
          {t('admin.more')}
        </button>
      )}
    </>
  );
}
