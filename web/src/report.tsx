/** Telling those who run the server of a person, a group or a message. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { MakeReport, Reason } from 'wechat-sdk';

import { t } from './i18n.js';
import { attempt, client, say } from './state.js';
import { Dialog } from './ui.js';

const REASONS: readonly Reason[] = [
  'spam', 'fraud', 'harassment', 'hate', 'violence', 'sexual', 'impersonation', 'other',
];
const NOTE_CHARS = 1_500;

export type Subject = Pick<MakeReport, 'user' | 'group' | 'chat' | 'seq'>;

export function ReportDialog({ subject, onClose }: {
  subject: Subject; onClose: () => void;
}): JSX.Element {
  const reason = useSignal<Reason>('spam');
  const note = useSignal('');
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const report: MakeReport = { ...subject, reason: reason.value, note: note.value.trim() };
    const done = await attempt(client.rest.post('/reports', report).then(() => true));
    if (!done) return;
    say(t('report.sent'));
    onClose();
  };
  return (
    <Dialog title={t('report')} onClose={onClose}>
      <form class="form" onSubmit={send}>
        <p class="dim">{t('report.hint')}</p>
        <fieldset class="reasons">
          <legend>{t('report.why')}</legend>
          {REASONS.map((one) => (
            <label key={one} class="reason">
              <input type="radio" name="reason" value={one} checked={reason.value === one}
                onChange={() => { reason.value = one; }} />
              <span>{t(`report.${one}`)}</span>
            </label>
          ))}
        </fieldset>
        <label class="field"><span>{t('report.note')}</span>
          <textarea rows={3} maxLength={NOTE_CHARS} dir="auto" value={note.value}
            onInput={(event) => { note.value = event.currentTarget.value; }} /></label>
        <div class="buttons"><button class="button primary">{t('report.send')}</button></div>
      </form>
    </Dialog>
  );
}
