/** Which microphone, camera and speaker a call uses. */

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';

import { t } from './i18n.js';
import { client, watch } from './state.js';
import { Dialog, Icon } from './ui.js';

type Sink = HTMLMediaElement & { setSinkId?: (id: string) => Promise<void>; sinkId?: string };

interface DevicesProps {
  sound: { current: HTMLAudioElement | null };
  button: (open: () => void) => JSX.Element;
}

/** A button, when there is a choice; the list is read again when it changes. */
export function Devices({ sound, button }: DevicesProps): JSX.Element | null {
  watch('call');
  const all = useDevices();
  const isOpen = useSignal(false);
  const sink = useSignal('');
  const { calls } = client;
  const of = (kind: MediaDeviceKind): MediaDeviceInfo[] =>
    all.filter((one) => one.kind === kind && one.label);
  const outputs = 'setSinkId' in HTMLMediaElement.prototype ? of('audiooutput') : [];
  if (![of('audioinput'), of('videoinput'), outputs].some(({ length }) => length > 1)) return null;
  const speak = async (id: string): Promise<void> => {
    await (sound.current as Sink | null)?.setSinkId?.(id)
      .then(() => { sink.value = id; }, () => undefined);
  };
  return (
    <>
      {button(() => { isOpen.value = true; })}
      {isOpen.value && (
        <Dialog title={t('call.devices')} onClose={() => { isOpen.value = false; }} class="devices">
          <Choice title={t('call.microphone')} icon="mic" devices={of('audioinput')}
            used={calls.using('mic')}
            onChoose={(id) => calls.choose('mic', id)} />
          <Choice title={t('call.camera_on')} icon="video" devices={of('videoinput')}
            used={calls.using('cam')}
            onChoose={(id) => calls.choose('cam', id)} />
          <Choice title={t('call.speaker')} icon="volume-2" devices={outputs}
            used={sink.value || 'default'}
            onChoose={(id) => void speak(id)} />
        </Dialog>
      )}
    </>
  );
}

interface ChoiceProps {
  title: string;
  icon: string;
  devices: MediaDeviceInfo[];
  used: string | undefined;
  onChoose: (id: string) => void;
}

function Choice({ title, icon, devices, used, onChoose }: ChoiceProps): JSX.Element | null {
  if (!devices.length) return null;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {devices.map(({ deviceId, label }) => (
        <button type="button" class="row-button" key={deviceId} aria-pressed={deviceId === used}
          onClick={() => onChoose(deviceId)}>
          <Icon name={icon} />
          <span class="grow">{label}</span>
          {deviceId === used && <Icon name="check" />}
        </button>
      ))}
    </section>
  );
}

/** What is plugged in; names are there once the browser gave out a device. */
function useDevices(): MediaDeviceInfo[] {
  const devices = useSignal<MediaDeviceInfo[]>([]);
  const { hasMicrophone, hasCamera } = client.calls;
  useEffect(() => {
    const media = navigator.mediaDevices as MediaDevices | undefined;
    const read = (): void =>
      void media?.enumerateDevices().then((all) => { devices.value = all; }, () => undefined);
    read();
    media?.addEventListener('devicechange', read);
    return () => media?.removeEventListener('devicechange', read);
  }, [hasMicrophone, hasCamera]);
  return devices.value;
}
