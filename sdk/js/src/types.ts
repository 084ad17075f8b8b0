/** The rows, bodies and frames of the API, and what only clients say to each other. */

import type {
  Alerts, Call, Chat, Export, Hello, Id, JoinRequest, Membership, Message, Moment, Receipt, Report,
  Resync, Typing,
} from './rows.js';

export type * from './rows.js';

/** Whether a person that one watches is there. */
export interface Standing {
  user: Id;
  online: boolean;
  last_seen?: Moment | null;
}

/** What the server tells by itself: the name, and its data. */
export interface Events {
  hello: Hello;
  message: Message;
  chat: Chat;
  member: Membership;
  alerts: Alerts;
  report: Report;
  export: Export;
  join_request: JoinRequest;
  receipt: Receipt;
  typing: Typing;
  presence: Standing;
  call: Call;
  'call.signal': { call: Id; epoch: number; seq: number; data: SignalData };
  resync: Resync;
}

export interface SignalData {
  description?: RTCSessionDescriptionInit;
  candidate?: RTCIceCandidateInit;
  /** What the other device sends at the moment. */
  media?: { audio: boolean; video: boolean };
}
