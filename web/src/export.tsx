/** A copy of one's own data: asked for, made by the server, fetched by links. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Export, ExportPart } from 'wechat-sdk';

import { bytes } from './files_text.js';
import { date } from './format.js';
import { t } from './i18n.js';
import { attempt, client } from './state.js';
import { Icon, Spinner } from './ui.js';
import { save } from './viewing.js';

/** How often a page that is open asks how far the copy is. */
const EVERY_MS = 3000;

export function ExportPage(): JSX.Element {
  const copy = useSignal<Export | null>(null);
  const load = async (): Promise<void> => {
    const found = await attempt(client.rest.get<Export>('/me/export'));
    if (found) copy.value = found;
  };
  useEffect(() => {
    void load();
    const timer = setInterval(() => {
      if (copy.value && isUnderWay(copy.value)) void load();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const ask = async (): Promise<void> => {
    const asked = await attempt(client.rest.post<Export>('/me/export'));
    if (asked) copy.value = asked;
  };
  if (!copy.value) return <div class="empty"><Spinner /></div>;
  return (
    <>
      <div class="card"><p class="dim padded">{t('export.hint')}</p></div>
      <State copy={copy.value} />
      {!isUnderWay(copy.value) && (
        <div class="buttons">
          <button type="button" class="button primary" onClick={() => void ask()}>
            {t('export.ask')}
          </button>
        </div>
      )}
    </>
  );
}

const isUnderWay = ({ state }: Export): boolean => state === 'waiting' || state === 'working';

function State({ copy }: { copy: Export }): JSX.Element | null {
  const { state, messages, files, chats, of_chats: of, until, parts, left_out: left } = copy;
  if (state === 'none') return null;
  return (
    <div class="card">
      <p class="padded" role="status">
        {t(`export.${state}`, { until: until ? date(until) : '' })}
      </p>
      {state === 'working' && of > 0 && (
        <p class="padded"><progress max={of} value={chats} aria-label={t('export.working')} /></p>
      )}
      {messages > 0 && (
        <p class="dim small padded">{t('export.done', { messages, files })}</p>
      )}
      {left > 0 && <p class="small padded">{t('export.left', { n: left })}</p>}
      {parts.map((part) => <Part key={part.file} {...part} />)}
    </div>
  );
}

/** A link works for minutes: `save` asks for another one when this one is used. */
function Part({ file, name, size }: ExportPart): JSX.Element {
  return (
    <button type="button" class="row-button" onClick={() => void save({ id: file, name })}>
      <Icon name="download" />
      <span class="grow">{name}</span>
      <span class="dim small">{bytes(size)}</span>
    </button>
  );
}
