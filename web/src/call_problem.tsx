/** Why a call did not begin, and what helps. */

import type { JSX } from 'preact';
import type { Problem } from 'wechat-sdk';

import { t } from './i18n.js';
import { client } from './state.js';
import { Dialog } from './ui.js';

/**
 * No microphone, no secure context, or the server said no. To close it leaves a ringing call
 * ringing.
 */
export function CallProblem({ problem }: { problem: Problem }): JSX.Element {
  const { calls } = client;
  const close = (): void => calls.dismiss();
  const secure = `https://${location.host}`;
  return (
    <Dialog title={t('call.problem')} onClose={close} class="confirm">
      <p>{problem.what === 'media' ? t(`call.${problem.error}`, { secure }) : problem.words}</p>
      <div class="buttons">
        {problem.what === 'media' && <Listen again={problem.again} />}
        <button type="button" class="button primary" onClick={close}>{t('close')}</button>
      </div>
    </Dialog>
  );
}

/** Who has no microphone can listen all the same. */
function Listen({ again }: { again: (Problem & { what: 'media' })['again'] }): JSX.Element {
  const { calls } = client;
  return 'accept' in again
    ? (
      <button type="button" class="button" onClick={() => calls.accept(false, false)}>
        {t('call.listen')}
      </button>
    )
    : (
      <button type="button" class="button"
        onClick={() => calls.start(again.start.chat, again.start.kind, false)}>
        {t('call.listen_start')}
      </button>
    );
}
