/** What people report, as operators see it: taken, looked at, answered. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Id, OperatedReport, OperatedReports, Stage, Verdict } from 'wechat-sdk';

import { full } from './format.js';
import { t } from './i18n.js';
import { List, usePages } from './operator_parts.js';
import { Link } from './row_buttons.js';
import { attempt, client, say } from './state.js';
import type { Key } from './texts/en.js';
import { Choice, Icon, Spinner } from './ui.js';

const STAGES: Stage[] = ['open', 'taken', 'answered'];

const why = ({ report }: OperatedReport): string => t(`report.${report.reason}` as Key);

export function Reports(): JSX.Element {
  const stage = useSignal<Stage>('open');
  const pages = usePages<OperatedReport>(async (after) => {
    const query = { stage: stage.peek(), after };
    const found = await client.rest.get<OperatedReports>('/operator/reports', query);
    return { rows: found.reports, next: found.next };
  }, stage.value);
  return (
    <>
      <Choice<Stage> label={t('admin.reports')} icon="flag" value={stage.value}
        options={STAGES.map((one) => [one, t(`admin.reports.${one}` as Key)])}
        onChange={(value) => { stage.value = value; }} />
      <List pages={pages} icon="flag" none={t('admin.reports.none')}>
        {(row) => (
          <a class="row-button member" href={`#/admin/reports/${row.report.id}`}
            key={row.report.id}>
            <Icon name="flag" />
            <span class="grow two-lines">
              <span dir="auto">{row.report.name || t('user.deleted')}</span>
              <small class="dim">{why(row)} · {full(row.report.created)}</small>
            </span>
          </a>
        )}
      </List>
    </>
  );
}

export function ReportPage({ id }: { id: Id }): JSX.Element {
  const found = useSignal<OperatedReport | null>(null);
  const path = `/operator/reports/${id}`;
  const look = async (): Promise<void> => {
    found.value = await attempt(client.rest.get<OperatedReport>(path)) ?? found.value;
  };
  useEffect(() => { void look(); }, [id]);
  if (!found.value) return <div class="empty"><Spinner /></div>;
  const row = found.value;
  const { report, files = [] } = row;
  const whom = row.author ?? report.user;
  const take = async (): Promise<void> => {
    found.value = await attempt(client.rest.post<OperatedReport>(`${path}/take`)) ?? row;
  };
  return (
    <>
      <dl class="card facts">
        <dt>{t('report.why')}</dt><dd>{why(row)}</dd>
        <dt>{t('admin.reports.when')}</dt><dd>{full(report.created)}</dd>
        {report.note && <><dt>{t('report.note')}</dt><dd dir="auto">{report.note}</dd></>}
        <dt>{t('admin.reports.state')}</dt><dd>{t(`admin.reports.${report.state}` as Key)}</dd>
      </dl>
      {(row.text || files.length > 0) && (
        <figure class="card told">
          <figcaption class="dim small" dir="auto">{report.name}</figcaption>
          <blockquote dir="auto">{row.text}</blockquote>
          {files.map((file) => <p class="dim small" key={file} dir="auto">{file}</p>)}
        </figure>
      )}
      <div class="card">
        {whom && <Link to={`admin/people/${whom}`} label={t('admin.reports.whom')} />}
        {row.by && <Link to={`admin/people/${row.by}`} label={t('admin.reports.by')} />}
        {report.group && <Link to={`admin/groups/${report.group}`} label={t('admin.group')} />}
      </div>
      {report.state === 'open' && (
        <button type="button" class="button primary wide" onClick={() => void take()}>
          {t('admin.reports.take')}
        </button>
      )}
      {report.state === 'taken' && <Answer path={path} onDone={() => void look()} />}
      {report.state === 'answered' && report.word && (
        <p class="card told" dir="auto">{report.word}</p>
      )}
    </>
  );
}

function Answer({ path, onDone }: { path: string; onDone: () => void }): JSX.Element {
  const word = useSignal('');
  const answer = async (verdict: Verdict): Promise<void> => {
    const body = { verdict, word: word.value.trim() };
    if (await attempt(client.rest.post(`${path}/answer`, body).then(() => true))) {
      say(t('admin.done'));
    }
    onDone();
  };
  return (
    <div class="card form">
      <label class="field"><span>{t('admin.reports.word')}</span>
        <textarea rows={2} maxLength={1500} dir="auto" value={word.value}
          onInput={(event) => { word.value = event.currentTarget.value; }} /></label>
      <div class="buttons">
        <button type="button" class="button" onClick={() => void answer('dismissed')}>
          {t('admin.reports.dismissed')}
        </button>
        <button type="button" class="button primary" onClick={() => void answer('upheld')}>
          {t('admin.reports.upheld')}
        </button>
      </div>
    </div>
  );
}
