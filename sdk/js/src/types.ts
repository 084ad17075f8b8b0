/** The rows and answers of `/api/v1`, named as in `docs/openapi.json`. */

/** 24 hexadecimal digits. */
export type Id = string;
/** RFC 3339 in UTC. */
export type Moment = string;

export type Tongue = 'en' | 'es';
export type Role = 'owner' | 'admin' | 'member';
export type ChatKind = 'direct' | 'group';
export type MemberState = 'active' | 'left' | 'banned';
export type MessageKind = 'text' | 'system' | 'call' | 'deleted';
export type CallKind = 'voice' | 'video';
export type CallState = 'ringing' | 'connecting' | 'active' | 'ended';
export type CallRole = 'caller' | 'callee';
export type CallPlace = 'this_device' | 'other_device' | 'nowhere';
export type EndReason =
  | 'cancelled' | 'rejected' | 'missed' | 'busy' | 'unreachable' | 'hangup' | 'lost' | 'failed';
export type Failure =
  | 'media_denied' | 'media_missing' | 'ice_failed' | 'dtls_failed' | 'negotiation_failed' | 'other';

export interface Stamp { by: Id; at: Moment }
export interface Forwarded { from: Id; sent: Moment }
export interface Reaction { emoji: string; count: number; users: Id[] }
export interface CallFact {
  call: Id;
  kind: CallKind;
  reason: EndReason;
  duration_s?: number | null;
}

export type SystemEvent =
  | { type: 'group_created'; title: string }
  | { type: 'renamed'; title: string }
  | { type: 'described' }
  | { type: 'avatar_changed' }
  | { type: 'settings_changed'; public: boolean; history_shared: boolean }
  | { type: 'members_added'; users: Id[] }
  | { type: 'joined'; by_invite: boolean }
  | { type: 'left' }
  | { type: 'member_removed'; user: Id }
  | { type: 'member_banned'; user: Id }
  | { type: 'member_unbanned'; user: Id }
  | { type: 'role_changed'; user: Id; role: Role }
  | { type: 'owner_changed'; user: Id }
  | { type: 'group_deleted' };

export interface Message {
  id: Id;
  chat: Id;
  seq: number;
  rev: number;
  from: Id;
  from_name: string;
  client_msg_id?: string | null;
  kind: MessageKind;
  body?: string | null;
  reply_to?: number | null;
  mentions?: Id[];
  mention_all?: boolean;
  forwarded?: Forwarded | null;
  event?: SystemEvent | null;
  call?: CallFact | null;
  sent: Moment;
  edited?: Moment | null;
  deleted?: Stamp | null;
  reactions?: Reaction[];
  pinned?: Stamp | null;
}

export interface Chat {
  id: Id;
  kind: ChatKind;
  peers?: Id[] | null;
  title?: string | null;
  about?: string;
  avatar?: Id | null;
  owner?: Id | null;
  public: boolean;
  history_shared: boolean;
  created: Moment;
  deleted?: Moment | null;
  head_seq: number;
  head_rev: number;
  member_count: number;
}

export interface Member {
  chat: Id;
  user: Id;
  role: Role;
  state: MemberState;
  join_seq: number;
  read_seq: number;
  delivered_seq: number;
  own_seq: number;
  hide_seq: number;
  muted_until?: Moment | null;
  pinned: boolean;
  since: Moment;
  rev: number;
}

export type Membership = Member & { hidden?: number[] };

export interface User {
  id: Id;
  name: string;
  about?: string;
  avatar?: Id | null;
  deleted?: boolean;
}

export interface Privacy { found_by_email: boolean; presence: boolean; receipts: boolean }

export interface Me {
  id: Id;
  name: string;
  email: string;
  about: string;
  avatar?: Id | null;
  has_push_token: boolean;
  privacy: Privacy;
  language: Tongue;
  created: Moment;
}

export interface Session {
  id: Id;
  device: string;
  created: Moment;
  last_seen: Moment;
  current: boolean;
}

export interface ChatSummary {
  chat: Chat;
  member: Member;
  last?: Message | null;
  unread: number;
  mentions: number;
}

export type OpenChat = ChatSummary & { users: User[] };
export interface ChatPage { chats: ChatSummary[]; users: User[]; next?: string | null }
export interface MessagePage { messages: Message[]; users: User[] }
export interface GroupMember { user: User; role: Role; since: Moment }
export interface MemberPage { members: GroupMember[]; next?: Id | null }
export interface Banned { banned: GroupMember[] }
export interface Invite {
  code: string;
  chat: Id;
  by: Id;
  created: Moment;
  expires?: Moment | null;
  uses_left?: number | null;
}
export interface Found { users: User[]; groups: Chat[]; next?: string | null }
export interface Blocked { user: User; since: Moment }
export interface CodeSent { email: string; expires_in: number }
export interface SignedIn { token: string; session: Session; user: Me }
export interface Sent { message: Message; repeated: boolean }
export interface ReceiptCounts { members: number; delivered: number; read: number }
export interface Readers { users: Id[]; next?: Id | null }
export interface EarlierText { body: string; until: Moment }

export interface ChatNews { chat: Chat; rev: number; reset?: boolean; messages: Message[] }
export interface News {
  reset?: boolean;
  inbox: number;
  memberships: Membership[];
  chats: ChatNews[];
  more: boolean;
}

export interface Problem {
  type?: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  field?: string | null;
  retry_after?: number | null;
}

export interface IceServer { urls: string[]; username?: string | null; credential?: string | null }
export interface CallPeer { user: Id; name: string; reconnecting?: boolean }
export interface Call {
  id: Id;
  chat: Id;
  kind: CallKind;
  state: CallState;
  version: number;
  role: CallRole;
  on: CallPlace;
  peer: CallPeer;
  rings?: boolean;
  epoch: number;
  fresh?: boolean;
  started: Moment;
  since?: Moment | null;
  deadline?: Moment | null;
  alive_every_s: number;
  reason?: EndReason | null;
  by?: CallRole | null;
  ended?: Moment | null;
  duration_s?: number | null;
}
export interface JoinedCall { call: Call; ice_servers: IceServer[] }
export interface CallPage { calls: Call[]; next?: Id | null }
export interface CallReport {
  setup_ms?: number;
  local?: 'host' | 'srflx' | 'prflx' | 'relay';
  remote?: 'host' | 'srflx' | 'prflx' | 'relay';
  relay_over?: 'udp' | 'tcp' | 'tls';
  gathered_host?: boolean;
  gathered_srflx?: boolean;
  gathered_relay?: boolean;
  failure?: Failure;
}
export interface Diagnosis { finding: string; cure?: string | null }
export interface CallDetails { call: Call; diagnosis: Diagnosis[] }

export interface DemoPerson { user: Id; name: string; about: string }
export interface ServerInfo {
  version: string;
  mail: 'smtp' | 'local';
  mailbox?: string | null;
  demo?: DemoPerson[];
}

/** What the server tells by itself: the name, and its data. */
export interface Events {
  hello: { user: Id; session: Id; now: Moment; ping_every_ms: number };
  message: Message;
  chat: Chat;
  member: Membership;
  receipt: { chat: Id; user: Id; read_seq: number; delivered_seq: number };
  typing: { chat: Id; user: Id; for_ms: number };
  call: Call;
  'call.signal': { call: Id; epoch: number; seq: number; data: SignalData };
  resync: { chat?: Id | null };
}

export interface SignalData {
  description?: RTCSessionDescriptionInit;
  candidate?: RTCIceCandidateInit;
  /** What the other device sends at the moment. */
  media?: { audio: boolean; video: boolean };
}
