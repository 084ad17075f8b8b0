/** What can be done with a message. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Attachment, ChatState, Message, ReceiptCounts, Readers } from 'wechat-sdk';

import { EmojiPicker } from './emoji.js';
import { attachmentsOf } from './files_text.js';
import { full } from './format.js';
import { t } from './i18n.js';
import { chatName, myId, userName } from './names.js';
import { ReportDialog } from './report.js';
import { attempt, client, go, say, watch } from './state.js';
import { Avatar, Dialog, IconButton, Menu, Spinner } from './ui.js';
import { save } from './viewing.js';
import { editRow, replyTo } from './writing.js';

type Step = 'menu' | 'emoji' | 'delete' | 'forward' | 'info' | 'report';

const QUICK = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

interface MessageMenuProps {
  row: Message;
  state: ChatState;
  at: { x: number; y: number };
  onClose: () => void;
}

export function MessageMenu({ row, state, at, onClose }: MessageMenuProps): JSX.Element {
  const step = useSignal<Step>('menu');
  const isMine = row.from === myId();
  const isText = row.kind === 'text';
  const files = isText ? attachmentsOf(row) : [];
  const isManager = state.chat.kind === 'group' && state.member.role !== 'member';
  const react = (emoji: string): void => {
    const on = !row.reactions?.some((one) => one.emoji === emoji && one.users.includes(myId()));
    void attempt(client.react(row, emoji, on));
    onClose();
  };
  switch (step.value) {
    case 'emoji':
      return (
        <Dialog title={t('react')} onClose={onClose} class="emoji-dialog">
          <EmojiPicker onPick={react} />
        </Dialog>
      );
    case 'delete': return <DeleteDialog row={row} forAll={isMine || isManager} onClose={onClose} />;
    case 'forward': return <ForwardDialog row={row} onClose={onClose} />;
    case 'info': return <InfoDialog row={row} onClose={onClose} />;
    case 'report':
      return <ReportDialog subject={{ chat: row.chat, seq: row.seq }} onClose={onClose} />;
    default: break;
  }
  // A step that opens a dialog of its own keeps this part alive, while the menu itself closes.
  const isStep = { now: false };
  const stepping = (next: Step) => () => {
    isStep.now = true;
    step.value = next;
  };
  const mayPin = state.chat.kind === 'direct' || isManager;
  return (
    <Menu label={t('message')} at={at}
      onClose={() => queueMicrotask(() => { if (!isStep.now) onClose(); })}
      items={[
        { icon: 'reply', label: t('reply'), onClick: () => replyTo(row) },
        isText && !!row.body && {
          icon: 'copy', label: t('copy'), onClick: () => void copy(row.body ?? ''),
        },
        isText && isMine && { icon: 'pencil', label: t('edit'), onClick: () => editRow(row) },
        isText && { icon: 'forward', label: t('forward'), onClick: stepping('forward') },
        files.length > 0 && {
          icon: 'download', label: t('file.save'), onClick: () => void saveAll(files),
        },
        isText && mayPin && {
          icon: row.pinned ? 'pin-off' : 'pin',
          label: t(row.pinned ? 'unpin' : 'pin'),
          onClick: () => void attempt(client.pin(row, !row.pinned)),
        },
        isMine && { icon: 'info', label: t('message.info'), onClick: stepping('info') },
        isText && !isMine && {
          icon: 'flag', label: t('report'), onClick: stepping('report'), danger: true,
        },
        { icon: 'trash-2', label: t('delete'), onClick: stepping('delete'), danger: true },
      ]}>
      <div class="quick" role="group" aria-label={t('react')}>
        {QUICK.map((emoji) => (
          <button type="button" key={emoji} aria-label={emoji} onClick={() => react(emoji)}>
            {emoji}
          </button>
        ))}
        <IconButton icon="plus" label={t('react.more')} onClick={stepping('emoji')} />
      </div>
    </Menu>
  );
}

async function saveAll(files: readonly Attachment[]): Promise<void> {
  for (const file of files) await save(file);
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Outside secure contexts there is no clipboard: the old way.
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  say(t('copied'));
}

function DeleteDialog({ row, forAll, onClose }: {
  row: Message; forAll: boolean; onClose: () => void;
}): JSX.Element {
  const run = (work: Promise<void>) => async (): Promise<void> => {
    onClose();
    await attempt(work);
  };
  return (
    <Dialog title={t('message.delete')} onClose={onClose} class="confirm">
      <p>{t(forAll ? 'message.delete.hint' : 'message.hide.hint')}</p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => void run(client.hide(row))()}>
          {t('message.hide')}
        </button>
        {forAll && (
          <button type="button" class="button danger"
            onClick={() => void run(client.delete(row))()}>
            {t('message.delete_all')}
          </button>
        )}
      </div>
    </Dialog>
  );
}

function ForwardDialog({ row, onClose }: { row: Message; onClose: () => void }): JSX.Element {
  watch('chats', 'users');
  const send = async (state: ChatState): Promise<void> => {
    onClose();
    const sent = await attempt(client.forward(row, state.id).then(() => true));
    if (sent) go(`chat/${state.id}`);
  };
  return (
    <Dialog title={t('forward.to')} onClose={onClose}>
      <div class="scroll picker">
        {client.store.list().map((state) => (
          <button type="button" key={state.id} class="chat-row" onClick={() => void send(state)}>
            <Avatar id={state.peer(myId()) ?? state.id} name={chatName(state)} size="s" />
            <span class="chat-name" dir="auto">{chatName(state)}</span>
          </button>
        ))}
      </div>
    </Dialog>
  );
}

function InfoDialog({ row, onClose }: { row: Message; onClose: () => void }): JSX.Element {
  const counts = useSignal<ReceiptCounts | null>(null);
  const readers = useSignal<Readers | null>(null);
  useEffect(() => {
    const path = `/chats/${row.chat}/messages/${row.seq}`;
    void attempt(client.rest.get<ReceiptCounts>(`${path}/receipts`)).then((found) => {
      counts.value = found ?? null;
    });
    void attempt(client.rest.get<Readers>(`${path}/readers`, { limit: 50 })).then((found) => {
      readers.value = found ?? null;
    });
  }, []);
  return (
    <Dialog title={t('message.info')} onClose={onClose}>
      <dl class="facts">
        <dt>{t('info.sent')}</dt><dd>{full(row.sent)}</dd>
        {row.edited && <><dt>{t('info.edited')}</dt><dd>{full(row.edited)}</dd></>}
        {counts.value && (
          <>
            <dt>{t('state.delivered')}</dt>
            <dd>{counts.value.delivered} / {counts.value.members}</dd>
            <dt>{t('state.read')}</dt><dd>{counts.value.read} / {counts.value.members}</dd>
          </>
        )}
      </dl>
      {!counts.value && <Spinner />}
      {readers.value?.users.map((id) => (
        <p class="person-line" key={id}>
          <Avatar id={id} name={userName(id)} size="s" /> {userName(id)}
        </p>
      ))}
    </Dialog>
  );
}

