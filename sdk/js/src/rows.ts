/**
 * The rows, bodies and frames of the API, made from the server's own types: do not edit. A change
 * of those shows here by `GOLDEN=write cargo test --test golden`.
 */

/** A person as operators see them. */
export interface Account {
  avatar?: Id | null;
  /** When the account was asked for. */
  created_at: Moment;
  deleted_at?: Moment | null;
  /** Where login codes go; empty once the account is deleted. */
  email: string;
  /** Who it is. */
  id: Id;
  /** Shown to others; empty once the account is deleted. */
  name: string;
  /** They are an operator. */
  operator?: boolean;
  suspended?: Suspension | null;
}

/** A person, with where they are logged in. */
export interface AccountDetail {
  /** In how many groups they are. */
  groups: number;
  /** Who it is. */
  person: Account;
  /** Where they are logged in, latest used first. */
  sessions: Session[];
}

/** A page of people. */
export interface Accounts {
  next?: Id | null;
  /** In the order of their ids; those that were searched for, best first. */
  people: Account[];
}

/** Brings people into a group. */
export interface AddMembers {
  /** Whom. */
  users: Id[];
}

/** Who came into a group by a request. */
export interface Added {
  /** Whoever is missing here was in it already, or cannot be added. */
  added: Id[];
}

/** Who may put a person into a group. */
export type AddedBy = 'everyone' | 'contacts' | 'nobody';

/** A mail is on its way to the new address, and word of it to the present one. */
export interface AddressAsked {
  /** The new address. */
  email: string;
  /** How many seconds the code works. */
  expires_in: number;
}

/** What you want to be told of while you do not look, in all your chats. */
export interface Alerts {
  /**
   * A mail of what you missed while no device of yours could be told. Only where the server has the
   * feature `missed_mail`.
   */
  mail?: boolean;
  /** Of a group's messages only of those that mention you. */
  mentions_only?: boolean;
  quiet?: Quiet | null;
  shown?: Shown | null;
}

/** Says that a device rings, or is in the call. */
export interface AliveFrame {
  /** Which one. */
  call: Id;
  /** Media flows. */
  connected?: boolean;
}

/** What a group says to everybody in it, until they put it away. */
export interface Announcement {
  /** When. */
  at: Moment;
  /** Who wrote it. */
  by: Id;
  /** The seq of the system message that tells of it: a later announcement has a higher one. */
  seq: number;
  /** What it says: 1 to 2,000 characters. */
  text: string;
}

/** Decides a report. */
export interface AnswerReport {
  /** Whether it was right. */
  verdict: Verdict;
  /** What whoever made it is told: at most 1,500 characters. */
  word?: string;
}

/** Asks for another address of one's own account. */
export interface AskAddress {
  /** The address that the account is to have. */
  email: string;
}

/** Asks for a login code. */
export interface AskCode {
  /** The account's address. */
  email: string;
  /**
   * The `ticket` that an earlier answer gave, so that nobody else can use up what is yours; empty:
   * there is none yet, and that of this answer will be kept.
   */
  ticket?: string | null;
}

/** Asks a person to be a contact. */
export interface AskContact {
  /** Whom. */
  user: Id;
}

/** Asks for links. */
export interface AskLinks {
  /** To which files; at most 50. */
  files: Id[];
}

/** A file, as a message carries it. */
export interface Attachment {
  /** A picture that moves. */
  animated?: boolean;
  /** How long it plays, in milliseconds, if that is known. */
  duration_ms?: number | null;
  /** In pixels, of pictures and films. */
  height?: number | null;
  /** Which file. */
  id: Id;
  /** What it is to people. */
  kind: FileKind;
  /** Where a picture of it is with at most 1,280 pixels on the long side. */
  large_url?: string | null;
  /** Its name, for people to read. */
  name: string;
  /** How many bytes. */
  size: number;
  /** Where a picture of it is with at most 320 pixels on the long side. */
  small_url?: string | null;
  /** ThumbHash of the picture, in base64: what to show until it is there. */
  thumbhash?: string | null;
  /** Its media type, by its content. */
  type: string;
  /** Where its bytes are. */
  url: string;
  /** In pixels, of pictures and films. */
  width?: number | null;
}

/** What an operator did. */
export interface Audit {
  /**
   * What: `suspend`, `restore`, `delete`, `log_out`, `move_address`, `appoint`, `dismiss`,
   * `take_role`, `delete_group`, `invite`, `end_invitation`, `take_report`, `answer_report`; there
   * may be more in the future.
   */
  act: string;
  /** When. */
  at: Moment;
  by?: Id | null;
  /** What that operator is called; absent: their account was deleted, or there is none. */
  by_name?: string | null;
  group?: Id | null;
  /** Which row. */
  id: Id;
  invitation?: Id | null;
  /** What the person or the group is called now; absent: neither, or they are deleted. */
  name?: string | null;
  report?: Id | null;
  /** It was cut off, and takes effect within minutes. */
  unfinished?: boolean;
  until?: Moment | null;
  user?: Id | null;
  /** Why somebody is suspended, which address they were given, or what a report was answered. */
  what?: string | null;
}

/** A page of the audit. */
export interface Audits {
  /** Latest first. */
  audit: Audit[];
  next?: Id | null;
}

/** Whom a group refuses. */
export interface Banned {
  /** In the order of their user ids. */
  banned: GroupMember[];
}

/** A person whom the caller blocks. */
export interface Blocked {
  /** Since when. */
  since: Moment;
  /** The person. */
  user: User;
}

/** Whom the caller blocks. */
export interface BlockedPeople {
  /** Latest first. */
  blocked: Blocked[];
}

/**
 * How a call stands, as your device sees it. Of two rows with one id, the one with the higher
 * `version` holds.
 */
export interface Call {
  /** How often, in seconds, a device in the call sends `call.alive`. */
  alive_every_s: number;
  by?: CallRole | null;
  /** The direct chat of the two. */
  chat: Id;
  deadline?: Moment | null;
  /** For how many seconds they talked; absent when they never did. */
  duration_s?: number | null;
  ended?: Moment | null;
  /** The present negotiation; signals of another one are refused. */
  epoch: number;
  /** The present negotiation needs new peer connections on both sides. */
  fresh?: boolean;
  /** The call. */
  id: Id;
  /** Voice or video. */
  kind: CallKind;
  /** Where your end is. */
  on: CallPlace;
  /** The other person. */
  peer: CallPeer;
  reason?: EndReason | null;
  /** It rings at the callee, as a device there has said. */
  rings?: boolean;
  /** Which side you are. */
  role: CallRole;
  since?: Moment | null;
  /** When it began. */
  started: Moment;
  /**
   * How far it is. A device rings while it is `ringing` and you are the callee, and stops by
   * anything else.
   */
  state: CallState;
  /** Grows with every change. */
  version: number;
}

/** One call, with what is known about how it went. */
export interface CallDetails {
  /** As your device sees it now. */
  call: Call;
  /** In words, most important first; in the language of `Accept-Language`. */
  diagnosis: Diagnosis[];
  peer_report?: CallReport | null;
  report?: CallReport | null;
}

/** How a call went, in the log of its chat. */
export interface CallFact {
  /** Which call. */
  call: Id;
  /** For how many seconds they talked; absent when they never did. */
  duration_s?: number | null;
  /** Voice or video. */
  kind: CallKind;
  /** Why it ended. */
  reason: EndReason;
}

/** What a call carries at first. */
export type CallKind = 'voice' | 'video';

/** A page of your calls. */
export interface CallPage {
  /** Latest first. */
  calls: Call[];
  next?: Id | null;
}

/** The person at the other end of a call. */
export interface CallPeer {
  /** The name at the time of the answer. */
  name: string;
  /** The connection of its device is gone; it may come back. */
  reconnecting?: boolean;
  /** Who. */
  user: Id;
}

/** Where your end of a call is. */
export type CallPlace = 'this_device' | 'other_device' | 'nowhere';

/** Names a call. */
export interface CallRef {
  /** Which one. */
  call: Id;
}

/** The reply to most requests about a call: how it stands. */
export interface CallReply {
  /** As it is after the request; an event about a later change may already be on its way. */
  call: Call;
}

/** How a call goes or went, by your device: facts of the browser's statistics, no free text. */
export interface CallReport {
  failure?: Failure | null;
  /** Your device found addresses of its own. */
  gathered_host?: boolean;
  /** It got an address of a relay. */
  gathered_relay?: boolean;
  /** It found its address as a STUN server sees it. */
  gathered_srflx?: boolean;
  local?: CandidateKind | null;
  relay_over?: RelayTransport | null;
  remote?: CandidateKind | null;
  /** Milliseconds from the accept until media flowed. */
  setup_ms?: number | null;
}

/** Which side of a call you are. */
export type CallRole = 'caller' | 'callee';

/** What the other device of a call says while both negotiate. */
export interface CallSignal {
  /** The one that is being negotiated; both devices are in it. */
  call: Id;
  /** JSON of the client's own making: a description or a candidate. */
  data: unknown;
  /** The negotiation that it belongs to; drop what belongs to an earlier one. */
  epoch: number;
  /** The sender's own count. */
  seq: number;
}

/** How far a call is. */
export type CallState = 'ringing' | 'connecting' | 'active' | 'ended';

/** Where an ICE candidate comes from (RFC 8445, section 5.1.1). */
export type CandidateKind = 'host' | 'srflx' | 'prflx' | 'relay';

/** Somebody's card. */
export interface Card {
  /** Showing it makes contacts at once; otherwise it asks. */
  adds: boolean;
  /** Whose it is. */
  user: User;
}

/** A change of one's own profile; absent fields stay as they are. */
export interface ChangeMe {
  /** New description, at most 1,024 characters. */
  about?: string | null;
  groups?: AddedBy | null;
  language?: Tongue | null;
  /** New name. */
  name?: string | null;
  privacy?: Privacy | null;
  /** New push address; null takes it away. */
  push_token?: string | null;
  reach?: Strangers | null;
}

/** A change of what the caller set for itself in a chat; absent fields stay as they are. */
export interface ChangeMember {
  alerts?: Level | null;
  /** Put the announcement with this seq away; only grows. */
  announcement_seen?: number | null;
  /** Clear what is there up to this seq, for the caller alone; only grows. */
  hide_seq?: number | null;
  muted_until?: Moment | null;
  /** What to be called in this group, 1 to 64 characters; null: by one's own name again. */
  nick?: string | null;
  /** Keep on top of the list, or not. */
  pinned?: boolean | null;
  /**
   * What the caller calls the chat, or the other person of it; null takes it away. Nobody else
   * learns it.
   */
  remark?: string | null;
}

/** Gives a member another rank. */
export interface ChangeRole {
  /** `admin` or `member`. */
  role: Role;
}

/** Where messages live. */
export interface Chat {
  /** A group's description. */
  about?: string;
  announcement?: Announcement | null;
  avatar?: Id | null;
  /** When it was created. */
  created: Moment;
  deleted?: Moment | null;
  /** Version of the chat's log. */
  head_rev: number;
  /** Position of the latest message; 0 when there is none. */
  head_seq: number;
  /** New members see what was written before they came. */
  history_shared: boolean;
  /** Which one. */
  id: Id;
  /** Direct or group. */
  kind: ChatKind;
  /** How many members it has. */
  member_count: number;
  owner?: Id | null;
  /** The two people of a direct chat. */
  peers?: Id[] | null;
  /** Found by search, and open to whoever wants to join. */
  public: boolean;
  rules?: GroupRules | null;
  /** A group's title. */
  title?: string | null;
}

/** What kind of chat it is. */
export type ChatKind = 'direct' | 'group';

/** What changed in a chat. */
export interface ChatNews {
  /** The chat as it is now. */
  chat: Chat;
  /** Changed rows. */
  messages: Message[];
  /**
   * Of a chat that begins afresh: the seqs between your cursors and the first of these rows that
   * have nothing to read in them (system messages, deleted ones); of very many, the latest.
   */
  quiet?: number[];
  /** Drop the rows that are held of this chat first. */
  reset?: boolean;
  /** The rev that the client has reached in this chat. */
  rev: number;
}

/** A page of the caller's list of chats. */
export interface ChatPage {
  /** Pinned ones first, then those with the latest message. */
  chats: ChatSummary[];
  /** Where the next page begins. */
  next?: string | null;
  /** The other people of the direct chats. */
  users: User[];
}

/** A row of the caller's list of chats. */
export interface ChatSummary {
  /** Its own fields, the same for every member. */
  chat: Chat;
  last?: Message | null;
  /** The caller's membership in it. */
  member: Member;
  /** Of these, the ones that mention the caller. */
  mentions: number;
  /** Messages not read. */
  unread: number;
}

/** A mail is on its way, if the address has an account. */
export interface CodeSent {
  /** The address. */
  email: string;
  /** How many seconds the code works. */
  expires_in: number;
  /**
   * To be sent with the code, and whenever a code is asked for again: the code is for whoever has
   * it. Worth keeping for as long as the device is used, also after a logout.
   */
  ticket: string;
}

/** A person to whom the caller is tied. */
export interface Contact {
  /**
   * The caller's membership in the direct chat; its `tie` says what the person is to them, its
   * `remark` what they call them.
   */
  member: Member;
  /** The person. */
  user: User;
}

/** A page of contacts. */
export interface ContactPage {
  /** In the order of the people's ids. */
  contacts: Contact[];
  /** What to ask after for the next page; absent: this was the last. */
  next?: string | null;
}

/** Creates a group; the caller becomes its owner. */
export interface CreateGroup {
  /** At most 1,024 characters. */
  about?: string | null;
  /** New members see what was written before. */
  history_shared?: boolean;
  /** Who else is in it from the start. */
  members?: Id[];
  /** Found by search and open to all. */
  public?: boolean;
  /** 1 to 128 characters. */
  title: string;
}

/** Makes an invitation link. */
export interface CreateInvite {
  /** After how many seconds it stops to work, at most a year; absent: never. */
  expires_in?: number | null;
  /** How often it may be used; absent: without limit. */
  uses?: number | null;
}

/** A person who exists for trying out. */
export interface DemoPerson {
  /** What the person says of itself. */
  about: string;
  /** Shown to others. */
  name: string;
  /** What to log in as. */
  user: Id;
}

/** What was found about a call, and what to do about it. */
export interface Diagnosis {
  /** The likely cure; absent when all is well. */
  cure?: string | null;
  /** What was found. */
  finding: string;
}

/** A reply that carries nothing. */
export type Done = Record<string, never>;

/** An earlier text of a message. */
export interface EarlierText {
  /** The text. */
  body: string;
  /** Until when it stood. */
  until: Moment;
}

/** Earlier texts of a message. */
export interface EarlierTexts {
  /** Oldest first. */
  texts: EarlierText[];
}

/** Gives one's own message a new text; its files stay. */
export interface EditFrame {
  /** At most 16 KiB; empty only beside files. */
  body: string;
  /** The chat's id, or the other person's. */
  chat: Id;
  /** Whether everybody is mentioned now. Left out, it stays as it is. */
  mention_all?: boolean | null;
  /** People mentioned now; at most 50. Left out, the mentions stay as they are. */
  mentions?: Id[] | null;
  /** The message's position. */
  seq: number;
}

/** A change of a group; absent fields stay as they are. */
export interface EditGroup {
  /** New description. */
  about?: string | null;
  /** A new announcement, at most 2,000 characters; empty: none. In a request of its own. */
  announcement?: string | null;
  /** Show what was written before to new members, or not. */
  history_shared?: boolean | null;
  /** Found by search and open to all, or not. */
  public?: boolean | null;
  rules?: EditRules | null;
  /** New title. */
  title?: string | null;
}

/** A new text for a message. */
export interface EditMessage {
  /** At most 16 KiB; empty only beside files. */
  body: string;
  /** Whether everybody is mentioned now. Left out, it stays as it is. */
  mention_all?: boolean | null;
  /** People mentioned now; at most 50. Left out, the mentions stay as they are. */
  mentions?: Id[] | null;
}

/** A change of a group's rules; absent fields stay as they are. */
export interface EditRules {
  add?: Who | null;
  /** Those who come by a link, or find the group, wait until an admin lets them in; or not. */
  approve?: boolean | null;
  /** Seconds between two messages of a plain member, at most an hour; 0: slow mode is off. */
  slow?: number | null;
  write?: Who | null;
}

/** Why a call ended. */
export type EndReason =
  | 'cancelled'
  | 'rejected'
  | 'missed'
  | 'busy'
  | 'unreachable'
  | 'hangup'
  | 'lost'
  | 'failed';

/** A copy of one's own data. */
export interface Export {
  asked?: Moment | null;
  /** How many bytes of all that. */
  bytes: number;
  /** How many chats are written; all of them are `of_chats`, once they are counted. */
  chats: number;
  /** How many files. */
  files: number;
  /**
   * Files that were too many, or whose bytes are gone; `left-out.json` in the last part names them.
   */
  left_out: number;
  /** How many messages are written. */
  messages: number;
  /** How many chats there are. */
  of_chats: number;
  /** Its parts, once it is ready; those that you deleted are missing. The event has none. */
  parts: ExportPart[];
  /** Where it stands. */
  state: ExportState;
  until?: Moment | null;
}

/** A part of a copy, with a link to it: a zip. */
export interface ExportPart {
  /** When the link stops to work. */
  expires: Moment;
  /** Which file; `POST /files/links` makes further links. */
  file: Id;
  /** What to call it. */
  name: string;
  /** How many bytes. */
  size: number;
  /** A path of this server that needs no header. Ranges work, also after a break by a new link. */
  url: string;
}

/** Where a copy of one's own data stands. */
export type ExportState = 'none' | 'waiting' | 'working' | 'ready' | 'failed';

/** What went wrong at a client. */
export type Failure =
  | 'media_denied'
  | 'media_missing'
  | 'ice_failed'
  | 'dtls_failed'
  | 'negotiation_failed'
  | 'other';

/** What a server offers. */
export interface Features {
  /** Voice and video calls between two people. */
  calls: boolean;
  /** Whoever asks for it gets mails of what they missed. */
  missed_mail: boolean;
  /** A device without a connection is told of messages and calls. */
  push: boolean;
  /** A relay for calls between devices that cannot reach each other. */
  relay: boolean;
  /** Calls of a group. */
  rooms: boolean;
  /** People and public groups are found by name. */
  search: boolean;
  /** Anybody may create an account. */
  sign_up: boolean;
}

/** How much there is on the server. */
export interface Figures {
  /** Live connections to this node. */
  connections: number;
  /** Bytes of people's files. */
  file_bytes: number;
  /** Those that are not deleted. */
  groups: number;
  /** In all chats, deleted ones too. */
  messages: number;
  /** Accounts, suspended ones too. */
  people: number;
}

/** What a file is to people. */
export type FileKind = 'image' | 'video' | 'audio' | 'voice' | 'document';

/** A link to a file that works without a header, for `<img>` and `<video>`. */
export interface FileLink {
  /** When it stops to work; sooner, when the session ends or the file is not yours to see. */
  expires: Moment;
  /** Which file. */
  file: Id;
  /** A path of this server; `&size=small` and the like may be added. */
  url: string;
}

/** Links, in the order asked. */
export interface FileLinks {
  /** Whatever is missing here is not there for the caller. */
  links: FileLink[];
}

/** Forwards a message. */
export interface Forward {
  /** The sender's idempotency key for the new message. */
  client_msg_id: string;
  /** The chat that it stands in. */
  from: Id;
  /** Its seq there. */
  seq: number;
}

/** Forwards a message to another chat. */
export interface ForwardFrame {
  /** Where to: a chat's id, or a person's. */
  chat: Id;
  /** The sender's idempotency key for the new message. */
  client_msg_id: string;
  /** The chat that it stands in. */
  from: Id;
  /** Its position there. */
  seq: number;
}

/** Where a forwarded message comes from; nothing is told of an author who is not in this chat. */
export interface Forwarded {
  from?: Id | null;
  sent?: Moment | null;
}

/** A page of what was found. */
export interface Found {
  /** Public groups, best first. */
  groups: Chat[];
  /** Where the next page begins. */
  next?: string | null;
  /** People, best first. */
  users: User[];
}

/** A person in a group, as the other members see it. */
export interface GroupMember {
  /** What the member is called in this group, if not by their own name. */
  nick?: string | null;
  /** The rank. */
  role: Role;
  silent_until?: Moment | null;
  /** In this standing since. */
  since: Moment;
  /** The person. */
  user: User;
}

/** A group's rules. */
export interface GroupRules {
  /** Who may add people. */
  add: Who;
  /** Those who come by a link, or find the group, wait until an admin lets them in. */
  approve: boolean;
  /** Slow mode: so many seconds pass between two messages of a plain member; 0: it is off. */
  slow: number;
  /** Who may send and edit messages. Everybody may react. */
  write: Who;
}

/** Makes another member the owner. */
export interface HandOver {
  /** To whom. */
  user: Id;
}

/** What a client has. */
export interface Have {
  /**
   * The rev that the client has reached in each chat that it holds: the highest of the rows it was
   * given and of the `rev`s that sync said.
   */
  chats?: Record<string, number>;
  /** The `inbox` of the last sync, as it was given; 0 or absent at first. */
  inbox?: number;
  /** The `incarnation` of the page that what the client holds began with; absent at first. */
  incarnation?: string | null;
  /** How many of the latest messages it wants of a chat that it does not hold: 0 to 200. */
  latest?: number;
}

/** The server runs. */
export interface Health {
  /** `ok`. */
  status: string;
}

/** The first event of a connection: it is live, and misses nothing from here on. Now sync. */
export interface Hello {
  /**
   * The life of the server's store; another one than before once a backup was restored. What was
   * had of another one is void: sync says `reset`.
   */
  incarnation: Id;
  /** The server's clock. */
  now: Moment;
  /** How often the server pings, in milliseconds. */
  ping_every_ms: number;
  /** The session that speaks. */
  session: Id;
  /** Who one is. */
  user: Id;
}

/** Hides messages for oneself. */
export interface HideFrame {
  /** The chat's id, or the other person's. */
  chat: Id;
  /** Which; at most 100. */
  seqs: number[];
}

/** Hides messages for the caller alone. */
export interface HideMessages {
  /** Which; at most 100. */
  seqs: number[];
}

/** A STUN or TURN server, as browsers take it (`RTCIceServer`). */
export interface IceServer {
  /** The password, for TURN. Good for ten minutes. */
  credential?: string | null;
  /** `stun:`, `turn:` and `turns:` URIs. */
  urls: string[];
  /** The user name, for TURN. */
  username?: string | null;
}

/** STUN and TURN servers. */
export interface IceServers {
  /** As browsers take them. */
  ice_servers: IceServer[];
}

/** An id on the wire: 24 lower-case hexadecimal digits. */
export type Id = string;

/** Says who speaks, on a connection that was opened without `Authorization`. */
export interface Identify {
  /**
   * What this running client calls itself, 1 to 64 of `A-Z a-z 0-9 _ -`: a call that it starts or
   * answers is its own, and not that of another client of the session.
   */
  instance?: string | null;
  /** The session's token. */
  token: string;
}

/** An invitation to the server. */
export interface Invitation {
  by?: Id | null;
  /** When it was made. */
  created_at: Moment;
  /** Until when it works. */
  expires_at: Moment;
  /** Which one. */
  id: Id;
  /** Whoever comes in joins a group. */
  leads_into_group?: boolean;
  /** Its link, when it is made; not shown again. */
  link?: string | null;
  /** How many have come in by it. */
  used: number;
  /** How many people it lets in. */
  uses: number;
}

/** The invitations that there are. */
export interface Invitations {
  /** Latest first. */
  invitations: Invitation[];
}

/** A link that lets whoever has its code join a group. */
export interface Invite {
  /** Who made it. */
  by: Id;
  /** The group. */
  chat: Id;
  /** Knowing it is the right to join. */
  code: string;
  /** When it was made. */
  created: Moment;
  expires?: Moment | null;
  /** How often it may still be used; absent: without limit. */
  uses_left?: number | null;
}

/** A group's invitation links. */
export interface Invites {
  /** Latest first. */
  invites: Invite[];
}

/** Somebody asks to be let into a group of which one is an admin, or waits no more. */
export interface JoinRequest {
  /** The group. */
  chat: Id;
  /** Who. */
  user: Id;
  /** They wait; else they were let in or refused, or took it back. */
  waits: boolean;
}

/** A call, with what your device needs to take part in it. */
export interface JoinedCall {
  /** As it is now that your device takes part. */
  call: Call;
  /** STUN and TURN servers; empty when your end of the call is not on this device. */
  ice_servers: IceServer[];
}

/** Says that a device is there. */
export interface KeepCall {
  /** Media flows. */
  connected?: boolean;
}

/** Cancels a call that rings, or hangs up. */
export interface LeaveCall {
  /** The device gave up, as it could not bring media about. */
  failed?: boolean;
}

/** Cancels a call that rings, or hangs up. */
export interface LeaveFrame {
  /** Which one. */
  call: Id;
  /** The device gave up, as it could not bring media about. */
  failed?: boolean;
}

/** Of which messages of a chat one is told. */
export type Level = 'all' | 'mentions' | 'nothing';

/** How much a server takes; what is beyond is refused, with the reason in words. */
export interface Limits {
  /** Characters of what a person or a group says of itself. */
  about_chars: number;
  /** People added to a group in one request. */
  added_at_once: number;
  /** Sound, in bytes. */
  audio_bytes: number;
  /** How many seconds after sending it a message's author may delete it for everybody. */
  delete_within_s: number;
  /** Any other file, in bytes. */
  document_bytes: number;
  /** How many seconds after sending it a message's author may edit it. */
  edit_within_s: number;
  /** Different emoji on a message. */
  emoji: number;
  /** Members of a group. */
  group_members: number;
  /** Groups of a person. */
  groups: number;
  /** A picture, in bytes. */
  image_bytes: number;
  /** Invitation links of a group. */
  invites: number;
  /** People mentioned in a message. */
  mentions: number;
  /** The text of a message, in bytes of UTF-8. */
  message_bytes: number;
  /** Files in a message. */
  message_files: number;
  /** Messages in a page of history. */
  messages_page: number;
  /** Characters of a person's name. */
  name_chars: number;
  /** Pinned messages of a chat. */
  pins: number;
  /** Characters of a search. */
  query_chars: number;
  /** A request without files, in bytes. */
  request_bytes: number;
  /** People, and as many groups, in a page of a search. */
  search_page: number;
  /** All files of a person, in bytes. */
  storage_bytes: number;
  /** Chats whose rows one request to sync may name. */
  sync_chats: number;
  /** Characters of a group's title. */
  title_chars: number;
  /** A film, in bytes. */
  video_bytes: number;
  /** People whose presence a connection watches. */
  watched: number;
}

/** The live call that you are in, if there is one. */
export interface LiveCall {
  call?: Call | null;
}

/** Where login codes go. */
export type MailMode = 'smtp' | 'local';

/** What an invitation to the server is made with. */
export interface MakeInvitation {
  /** How many seconds it works; by default a week. */
  expires_in?: number | null;
  /** The code of a group's invitation link, for whoever comes in to join. */
  group_invite?: string | null;
  /** How many people it lets in; by default one. */
  uses?: number | null;
}

/** Proves that one reads the mail of the account that is to have recovery codes. */
export interface MakeRecoveryCodes {
  /** The six digits from the mail. */
  code: string;
}

/** Reports a person, a group, or a message: one of them. */
export interface MakeReport {
  chat?: Id | null;
  group?: Id | null;
  /** What else there is to say: at most 1,500 characters. */
  note?: string;
  /** Why. */
  reason: Reason;
  /** Which message of the chat. */
  seq?: number | null;
  user?: Id | null;
}

/** The caller's own account. */
export interface Me {
  /** What the person says of itself. */
  about: string;
  avatar?: Id | null;
  /** When the account was asked for. */
  created: Moment;
  /** Where login codes go; shown to nobody else. */
  email: string;
  /** Who may put you into a group. Who has to ask before they write never may. */
  groups: AddedBy;
  /** A push address is stored; it is never shown. */
  has_push_token: boolean;
  /** Who it is. */
  id: Id;
  /** The language of mails. */
  language: Tongue;
  /** Shown to others, who may share it. */
  name: string;
  /** They are an operator of the server. */
  operator?: boolean;
  /** What others may find and see. */
  privacy: Privacy;
  /** What strangers may do; `strangers` of the server may be stricter: the stricter one holds. */
  reach: Strangers;
}

/** The caller's own membership in a chat; nobody else gets this row. */
export interface Member {
  alerts?: Level | null;
  /** The seq of the latest announcement that the member has put away; only grows. */
  announcement_seen?: number;
  /** Of which chat. */
  chat: Id;
  /** Delivered up to here; only grows. */
  delivered_seq: number;
  /** Cleared up to here, for this member alone. */
  hide_seq: number;
  /** The first message that belongs to this membership. */
  join_seq: number;
  muted_until?: Moment | null;
  /** What the member is called in this chat, if not by their own name. */
  nick?: string | null;
  /** The latest message that the member wrote: what one writes is not unread. */
  own_seq: number;
  /** Kept on top of the list of chats. */
  pinned: boolean;
  /** Read up to here; only grows. */
  read_seq: number;
  /** What the caller calls the chat, or the other person of it; nobody else learns it. */
  remark?: string | null;
  /** Version in the order of the caller's own inbox. */
  rev: number;
  /** The rank. */
  role: Role;
  silent_until?: Moment | null;
  /** Member since. */
  since: Moment;
  /** In it or not. */
  state: MemberState;
  tie?: Tie | null;
  /** The person: the caller. */
  user: Id;
}

/** A page of a group's members. */
export interface MemberPage {
  /** In the order of their user ids. */
  members: GroupMember[];
  next?: Id | null;
}

/** The reply to a change of one's own membership. */
export interface MemberReply {
  /** The row as it is now; null when nothing moved. */
  member?: Member | null;
}

/** Where a person stands to a chat. */
export type MemberState = 'active' | 'left' | 'banned' | 'requested';

/** A changed member row of the user's own. */
export type Membership = Member & { hidden?: number[] };

/** A durable item of a chat, as it is now. */
export interface Message {
  /** Its files. */
  attachments?: Attachment[];
  /** The text of a text message; empty only beside files. */
  body?: string | null;
  call?: CallFact | null;
  /** Where it was written; with `seq`, the key of this row. */
  chat: Id;
  /** The sender's idempotency key; system messages have none. */
  client_msg_id?: string | null;
  deleted?: Stamp | null;
  edited?: Moment | null;
  event?: SystemEvent | null;
  forwarded?: Forwarded | null;
  /** The author, or who caused a system message. */
  from: Id;
  /** The author's name at the time of the answer; empty for a deleted account. */
  from_name: string;
  /** Its name. */
  id: Id;
  /** What kind of message it is. */
  kind: MessageKind;
  /** Everybody in the chat is mentioned. */
  mention_all?: boolean;
  /** People mentioned. */
  mentions?: Id[];
  pinned?: Stamp | null;
  /** Reactions, in the order of their first use. */
  reactions?: Reaction[];
  /** The seq of the message that this one answers, in the same chat. */
  reply_to?: number | null;
  /**
   * The version of the chat's log at which this row last changed: of two rows with one seq, the one
   * with the higher rev holds.
   */
  rev: number;
  /** When the server took it. */
  sent: Moment;
  /** Its position in the chat: 1, 2, 3… */
  seq: number;
}

/** What kind of message it is. */
export type MessageKind = 'text' | 'system' | 'call' | 'deleted';

/** A page of a chat's history. */
export interface MessagePage {
  /**
   * In the order of seq. To go on, ask `before` the first or `after` the last of them; a page that
   * is not full is the last one.
   */
  messages: Message[];
  /** The people in them. */
  users: User[];
}

/** Names a message. */
export interface MessageRef {
  /** The chat's id, or the other person's. */
  chat: Id;
  /** The message's position. */
  seq: number;
}

/** The reply to a change of a message. */
export interface MessageReply {
  /** The message as it is now. */
  message: Message;
}

/** A moment on the wire: RFC 3339 in UTC with milliseconds. */
export type Moment = string;

/** Gives an account another address. */
export interface MoveAddress {
  /** Which address. */
  email: string;
}

/** What became of a cursor. */
export interface Moved {
  member?: Member | null;
}

/** A page of what a client lacks. */
export interface News {
  /** Chats with changed rows. */
  chats: ChatNews[];
  /** Give this back as `inbox` next time, as it is: it is no rev to compare with. */
  inbox: number;
  /**
   * The life of the store that this page is from: another one once a backup was restored. Give it
   * back next time.
   */
  incarnation: string;
  /** The user's own member rows that changed, oldest change first. */
  memberships: Membership[];
  /** There is more: sync again. */
  more: boolean;
  /** Forget everything that the server gave, keep this `incarnation`, and sync from nothing. */
  reset?: boolean;
}

/** A chat with the other person, when it is a direct one. */
export type OpenChat = ChatSummary & { users: User[] };

/** Opens the direct chat with a person. */
export interface OpenDirect {
  /** With whom. */
  user: Id;
}

/** Opens a session by a code. */
export interface OpenSession {
  /** The six digits from the mail. */
  code: string;
  /** What the client calls itself, for the list of devices. */
  device?: string | null;
  /** The account's address. */
  email: string;
  /** The `ticket` of the answer by which the code was asked for. */
  ticket?: string | null;
}

/** A group as operators see it. */
export interface OperatedGroup {
  /** What it says of itself. */
  about: string;
  /** When something was last sent. */
  active_at: Moment;
  /** When it was made. */
  created_at: Moment;
  deleted_at?: Moment | null;
  /** Which one. */
  id: Id;
  /** How many are in it. */
  member_count: number;
  /** How many messages were sent. */
  messages: number;
  owner?: Id | null;
  /** Anybody may find and join it. */
  public?: boolean;
  /** What it is called. */
  title: string;
}

/** A group with its first members. */
export interface OperatedGroupDetail {
  /** Which group. */
  group: OperatedGroup;
  /** The first 200, in the order of their ids. */
  members: OperatedMember[];
}

/** A page of groups. */
export interface OperatedGroups {
  /** In the order of their ids. */
  groups: OperatedGroup[];
  next?: Id | null;
}

/** Somebody in a group. */
export interface OperatedMember {
  /** Their name; empty once the account is deleted. */
  name: string;
  /** What they may do in it. */
  role: Role;
  /** Who. */
  user: Id;
}

/** A report as operators see it, with the copy of what it is about. */
export interface OperatedReport {
  author?: Id | null;
  by?: Id | null;
  /** The names of the message's files. */
  files?: string[];
  handled_by?: Id | null;
  /** As its maker sees it. */
  report: Report;
  sent?: Moment | null;
  /** What a person or a group said of itself, or the text of the message, as it was. */
  text: string;
}

/** A page of reports. */
export interface OperatedReports {
  next?: Id | null;
  /** Oldest first. */
  reports: OperatedReport[];
}

/** The caller's own card. */
export interface OwnCard {
  /** Whoever has the code becomes a contact at once. */
  adds: boolean;
  /**
   * Whoever has it may ask, or becomes a contact. As a link: `#/add/` and the code, after the
   * address of the server's page.
   */
  code: string;
}

/** Pins a message, or unpins it. */
export interface PinFrame {
  /** The chat's id, or the other person's. */
  chat: Id;
  /** Pin (the default), or unpin. */
  on?: boolean;
  /** The message's position. */
  seq: number;
}

/** Pinned messages of a chat. */
export interface Pins {
  /** Latest pin first. */
  messages: Message[];
}

/** Whether a person is online, as far as one may know. */
export interface Presence {
  last_seen?: Moment | null;
  /** Some device is connected. */
  online: boolean;
  /** Who. */
  user: Id;
}

/** How people stand. */
export interface Presences {
  /** In the order asked. */
  people: Presence[];
}

/** What others may find and see of a person. */
export interface Privacy {
  /** Found by the exact e-mail address. */
  found_by_email: boolean;
  /** Online state and last seen are shown. */
  presence: boolean;
  /** Read receipts are shown. */
  receipts: boolean;
}

/** What went wrong, for programs and for people. */
export interface Problem {
  /** The stable name of the kind of problem. */
  code: string;
  /** What happened here and what to do, in the caller's language. */
  detail: string;
  /** The field or parameter that is wrong. */
  field?: string | null;
  /** Names the request in the server's log. */
  request_id?: string | null;
  /** Seconds to wait before the next try. */
  retry_after?: number | null;
  /** The HTTP status, also in frames. */
  status: number;
  /** The kind of problem in a few words. */
  title: string;
  /** Where the kind of problem is explained, relative to the server's address. */
  type: string;
}

/** The keys that a browser gives with its endpoint. */
export interface PushKeys {
  /** The client's authentication secret, in base64url (RFC 8291). */
  auth: string;
  /** The client's public key, in base64url (RFC 8291). */
  p256dh: string;
}

/** By which service a device is reached. */
export type PushKind = 'web' | 'fcm' | 'apns';

/** What a server offers to devices that sleep. */
export interface PushOffer {
  /** By which services it reaches devices; none: it tells nobody. */
  kinds: PushKind[];
  /**
   * The `applicationServerKey` for browsers, in base64url: an uncompressed point on P-256; absent
   * when it reaches none.
   */
  vapid?: string | null;
}

/**
 * Where to tell this device: `web` has `endpoint` and `keys`, `fcm` has `token`, `apns` has `token`
 * and `topic`.
 */
export interface PutPush {
  /** The URL that the push service gave; for `web`. */
  endpoint?: string | null;
  keys?: PushKeys | null;
  /** By which service. */
  kind: PushKind;
  /** The token is of Apple's service for apps in development; for `apns`. */
  sandbox?: boolean;
  /** What the service knows the app by; for `fcm` and `apns`. */
  token?: string | null;
  /** The app's bundle id; for `apns`. */
  topic?: string | null;
  /**
   * The token is PushKit's, for calls alone; for `apns`. A session may have one of these beside one
   * for alerts.
   */
  voip?: boolean;
}

/** The hours of each day in which you are told of no message. */
export interface Quiet {
  /** Calls ring all the same. */
  calls?: boolean;
  /** From this minute of the day on. */
  from: number;
  /** Until this one, of the next day if it is before `from`. */
  to: number;
  /** Of which clocks: a zone of the IANA, such as `Europe/Madrid`. */
  zone: string;
}

/** Puts an emoji on a message, or takes it away. */
export interface ReactFrame {
  /** The chat's id, or the other person's. */
  chat: Id;
  /** One emoji. */
  emoji: string;
  /** Put (the default), or take away. */
  on?: boolean;
  /** The message's position. */
  seq: number;
}

/** An emoji on a message. */
export interface Reaction {
  /** How many people. */
  count: number;
  /** As Unicode lists it, whatever spelling people sent. */
  emoji: string;
  /** The first of them, at most 50. */
  users: Id[];
}

/** A page of people who reacted with an emoji. */
export interface Reactors {
  next?: Id | null;
  /** Their ids, in their order. */
  users: Id[];
}

/** A page of people who have read a message. */
export interface Readers {
  next?: Id | null;
  /** Their ids, in their order. */
  users: Id[];
}

/** Why something is reported. */
export type Reason =
  | 'spam'
  | 'fraud'
  | 'harassment'
  | 'hate'
  | 'violence'
  | 'sexual'
  | 'impersonation'
  | 'other';

/** A member's cursors. */
export interface Receipt {
  /** Where their cursors moved. */
  chat: Id;
  /** Delivered up to here. */
  delivered_seq: number;
  /** Read up to here. */
  read_seq: number;
  /** Whose. */
  user: Id;
}

/** How far the others have come with a message. */
export interface ReceiptCounts {
  /** To how many of them it was delivered. */
  delivered: number;
  /** Members who show receipts, without the author. */
  members: number;
  /** How many of them have read it. */
  read: number;
}

/** Opens a session by a recovery code. */
export interface Recover {
  /** One of its recovery codes; hyphens, spaces and small letters do not matter. */
  code: string;
  /** What the client calls itself, for the list of devices. */
  device?: string | null;
  /** The account's address, even if nobody reads mail there any more. */
  email: string;
  /**
   * The ticket that the client keeps, if it has one: a device that logged in before has guesses of
   * its own.
   */
  ticket?: string | null;
}

/** A mail is on its way, with the code that makes recovery codes. */
export interface RecoveryAsked {
  /** The address of the account. */
  email: string;
  /** How many seconds the code works. */
  expires_in: number;
}

/** New recovery codes, which are shown this once. */
export interface RecoveryCodes {
  /** Each logs in once. */
  codes: string[];
  /** When they were made. */
  made: Moment;
}

/** The recovery codes that one has left. */
export interface RecoveryState {
  /** How many work. */
  left: number;
  made?: Moment | null;
}

/** How a client reaches its relay. */
export type RelayTransport = 'udp' | 'tcp' | 'tls';

/** A report of the caller's own. */
export interface Report {
  answered?: Moment | null;
  chat?: Id | null;
  /** When. */
  created: Moment;
  group?: Id | null;
  /** Which one. */
  id: Id;
  /** What the person, the author of the message, or the group was called. */
  name: string;
  /** What else was said. */
  note?: string;
  /** Why. */
  reason: Reason;
  /** Which message of the chat. */
  seq?: number | null;
  /** How far it has come. */
  state: Stage;
  user?: Id | null;
  verdict?: Verdict | null;
  /** Grows with each step: of two rows with one id, the one with the higher version holds. */
  version: number;
  /** What those who run the server say to it. */
  word?: string;
}

/** Tells how a call goes or went. */
export interface ReportFrame {
  /** Which call. */
  call: Id;
  /** Facts of the browser's statistics. */
  report: CallReport;
}

/** The caller's own reports. */
export interface Reports {
  /** Latest first, at most 200. */
  reports: Report[];
}

/** Who asks to be let into a group. */
export interface Requests {
  /** In the order of their user ids; `since` is when they asked. */
  requests: GroupMember[];
}

/** Begins a new negotiation. */
export interface RestartCall {
  /**
   * The one that does not work any more. When the call is in a later one already, nothing changes.
   */
  epoch: number;
  /** This device has lost its peer connection: both sides make new ones. */
  fresh?: boolean;
}

/** Begins a new negotiation. */
export interface RestartFrame {
  /** Which call. */
  call: Id;
  /** The negotiation that does not work any more. */
  epoch: number;
  /** This device has lost its peer connection: both sides make new ones. */
  fresh?: boolean;
}

/** Read what was missed: sync. */
export interface Resync {
  /** In this chat; null: in all. */
  chat?: Id | null;
}

/** A member's rank in a group. */
export type Role = 'owner' | 'admin' | 'member';

/** Sends a message: a text, files, or both. */
export interface SendFrame {
  /** Ids of files that one uploaded; at most 10. */
  attachments?: Id[];
  /** At most 16 KiB; empty or absent only beside files. */
  body?: string;
  /** The chat's id, or the other person's. */
  chat: Id;
  /** The sender's idempotency key, 1 to 64 visible ASCII characters, a UUID v7 at best. */
  client_msg_id: string;
  /** Everybody is mentioned. */
  mention_all?: boolean;
  /** People mentioned; at most 50. */
  mentions?: Id[];
  /** The seq of the message that this one answers. */
  reply_to?: number | null;
}

/** Sends a message: a text, files, or both. */
export interface SendMessage {
  /** Ids of files that you uploaded; at most 10. */
  attachments?: Id[];
  /** At most 16 KiB; empty or absent only beside files. */
  body?: string;
  /**
   * The sender's idempotency key, 1 to 64 visible ASCII characters, a UUID v7 at best: the same key
   * in the same chat gives the first message again. The header `Idempotency-Key` may stand in its
   * place.
   */
  client_msg_id?: string | null;
  /** Everybody is mentioned. */
  mention_all?: boolean;
  /** People mentioned, members of the chat; at most 50. */
  mentions?: Id[];
  /** The seq of the message that this one answers, in the same chat. */
  reply_to?: number | null;
}

/** What one device says to the other while they negotiate. */
export interface SendSignal {
  /** Yours to shape, at most 32 KiB: `{"description":…}` or `{"candidate":…}` by custom. */
  data: Record<string, never>;
  /** The negotiation that it belongs to. */
  epoch: number;
  /** Your own count. */
  seq?: number;
}

/** A message that was sent. */
export interface Sent {
  /** As it is stored. */
  message: Message;
  /** It was stored before, under the same key. */
  repeated: boolean;
}

/** The reply to a send. */
export interface SentReply {
  /** The stored message. */
  message: Message;
  /** It was stored before, under the same key. */
  repeated: boolean;
}

/** What there is to know of a server before logging in. */
export interface ServerInfo {
  /** Its colour, as `#rrggbb`; absent when its operator has not chosen one. */
  accent?: string | null;
  /** Whom one can be with one click; only in dev mode, for the person at the server's machine. */
  demo?: DemoPerson[];
  /** What it offers. */
  features: Features;
  /** The languages of its mails and of what it says. */
  languages: Tongue[];
  /** How much it takes. */
  limits: Limits;
  /** Its picture, a path of this server; absent when its operator has not given it one. */
  logo?: string | null;
  /** Where login codes go. */
  mail: MailMode;
  /** Where to read them, a path of this server; only for the person at the server's machine. */
  mailbox?: string | null;
  /** What it is called. */
  name: string;
  /** How it tells devices that have no connection. */
  push: PushOffer;
  /** Who may create an account; the first one may always be created. */
  sign_up: SignUpBy;
  /** Only addresses of these domains may sign up; absent: of all. */
  sign_up_domains?: string[];
  /** What strangers may do to each other at most; people may be stricter for themselves. */
  strangers: Strangers;
  /** Of the program, by semantic versioning. */
  version: string;
}

/** One signed-in client of the caller. */
export interface Session {
  /** When it was opened. */
  created: Moment;
  /** It is the one that asks. */
  current: boolean;
  /** What the client calls itself. */
  device: string;
  /** Which one. */
  id: Id;
  /** When it was last used, to within a few minutes. */
  last_seen: Moment;
  /** By which services its device is told when it has no connection; none: it is not told. */
  push?: PushKind[];
}

/** The caller's sessions. */
export interface Sessions {
  /** Latest used first. */
  sessions: Session[];
}

/** Sets a picture. */
export interface SetAvatar {
  /** A picture that you uploaded. */
  file: Id;
}

/** Makes a card, or changes it; absent fields stay as they are. */
export interface SetCard {
  /** Whoever has the code becomes a contact at once; otherwise they ask. */
  adds?: boolean | null;
  /** Another code, in place of the one that others have. */
  renew?: boolean;
}

/** A setting as it is. */
export interface SettingNow {
  /** What it does. */
  about: string;
  /** The heading of the documents that it stands under. */
  group: string;
  /** It has a value that is not shown. */
  hidden?: boolean;
  /** As files and the environment call it, like `DATA_DIR`. */
  name: string;
  /** Where it came from: `default`, `environment`, a file with its line, or a flag. */
  place: string;
  /** Its value; absent where it is secret, or has none. */
  value?: string | null;
}

/** The settings that the server runs with. */
export interface SettingsNow {
  /** In the order of the documents. */
  settings: SettingNow[];
}

/** How much a push says. */
export type Shown = 'wake' | 'names' | 'text';

/** Asks for an account. */
export interface SignUp {
  /** Where the code goes. */
  email: string;
  /**
   * The code of an invitation to the server, which is the end of its link. Where sign-up is by
   * invitation (`sign_up` of `GET /server`), the mail brings a code only if this works.
   */
  invitation?: string | null;
  language?: Tongue | null;
  /** Shown to others: 1 to 64 characters. */
  name: string;
  /** The address for push notifications. */
  push_token?: string | null;
  /**
   * The `ticket` that an earlier answer gave, so that nobody else can use up what is yours; empty:
   * there is none yet, and that of this answer will be kept.
   */
  ticket?: string | null;
}

/** Who may create an account. */
export type SignUpBy = 'open' | 'invited' | 'closed';

/** What one device says to the other while they negotiate. */
export interface SignalFrame {
  /** Which call. */
  call: Id;
  /** Yours to shape, at most 32 KiB: `{"description":…}` or `{"candidate":…}` by custom. */
  data: unknown;
  /** The negotiation that it belongs to. */
  epoch: number;
  /** Your own count. */
  seq?: number;
}

/** An open session. */
export interface SignedIn {
  /** What the token belongs to; its id closes it later. */
  session: Session;
  /** What to send as `Authorization: Bearer …` from now on. Shown once. */
  token: string;
  /** The account. */
  user: Me;
}

/** Silences a member. */
export interface Silence {
  /** Until when; at most 366 days away. */
  until: Moment;
}

/** How much time a row tells of. */
export type Span = 'hour' | 'day';

/** How far a report has come. */
export type Stage = 'open' | 'taken' | 'answered';

/** Who did it, and when. */
export interface Stamp {
  /** When. */
  at: Moment;
  /** Who. */
  by: Id;
}

/** Whom to call, and how. The same device gets the call that it already started. */
export interface StartCall {
  /** The direct chat's id, or the other person's. */
  chat: Id;
  /** Voice or video. */
  kind: CallKind;
}

/** How much room the caller's files take. */
export interface Storage {
  /** At most so many. */
  quota: number;
  /** Bytes of all files. */
  used: number;
}

/** What people may do who are no contacts. */
export type Strangers = 'everyone' | 'requests' | 'contacts';

/** Suspends a person. */
export interface Suspend {
  until?: Moment | null;
  /** Why: the person and other operators read it. */
  why: string;
}

/** How somebody is shut out. */
export interface Suspension {
  until?: Moment | null;
  /** Why, as the person reads it. */
  why: string;
}

/** A fact of a group, told in its own log. */
export type SystemEvent =
  | { title: string; type: 'group_created' }
  | { title: string; type: 'renamed' }
  | { type: 'described' }
  | { type: 'avatar_changed' }
  | { history_shared: boolean; public: boolean; type: 'settings_changed' }
  | { rules: GroupRules; type: 'rules_changed' }
  | { type: 'announcement_changed' }
  | { type: 'member_silenced'; until?: Moment
  | null; user: Id }
  | { type: 'let_in'; user: Id }
  | { type: 'members_added'; users: Id[] }
  | { by_invite: boolean; type: 'joined' }
  | { type: 'left' }
  | { type: 'member_removed'; user: Id }
  | { type: 'member_banned'; user: Id }
  | { type: 'member_unbanned'; user: Id }
  | { role: Role; type: 'role_changed'; user: Id }
  | { type: 'owner_changed'; user: Id }
  | { by_operators?: boolean; type: 'group_deleted' };

/** Takes the operator's role. */
export interface TakeRole {
  /** The key that the server's terminal printed. */
  key: string;
}

/** STUN and TURN servers to try, and what the server itself knows to be wrong with its relay. */
export interface TestServers {
  /** As browsers take them. Their relays reach each other and nobody else. */
  ice_servers: IceServer[];
  /** Why people may not reach the relay, each with the cure; empty when nothing is known. */
  warnings: string[];
}

/** What the other person of a direct chat is to the caller, and since when. */
export interface Tie {
  /** Since when; of a request and its refusal, when it was asked. */
  since: Moment;
  /** What they are. */
  state: TieState;
  /** How many texts the caller may still send with a request, if there is no answer. */
  texts_left?: number | null;
  until?: Moment | null;
}

/** What the other person of a direct chat is to the caller. */
export type TieState = 'asks' | 'asked' | 'known' | 'refused';

/** A language that the server speaks. */
export type Tongue = 'en' | 'es' | 'zh';

/** An hour or a day of the server. */
export interface Trend {
  /** When it began. */
  at: Moment;
  /** Calls that rang in it. */
  calls: number;
  /** Requests in it that failed by a fault of the server. */
  errors: number;
  /** Bytes of people's files, likewise. */
  file_bytes: number;
  /** Groups, likewise. */
  groups: number;
  /** Messages in all chats, likewise. */
  messages: number;
  /** Accounts at its end; of the one that is not over, when it was last counted. */
  people: number;
}

/** How the figures went. */
export interface Trends {
  /** Earliest first; times in which no server ran are left out. */
  rows: Trend[];
  /** How long each is. */
  span: Span;
}

/** A code as text or as a number, which has lost its leading zeros. */
export type TypedCode = string | number;

/** Somebody writes. */
export interface Typing {
  /** Where they write. */
  chat: Id;
  /** For how long to believe it, in milliseconds; 0: the person stopped. */
  for_ms: number;
  /** Who. */
  user: Id;
}

/** Says that one writes, or has stopped. */
export interface TypingFrame {
  /** The chat's id, or the other person's. */
  chat: Id;
  /** Writing (the default), or stopped. */
  on?: boolean;
}

/** Moves a cursor. */
export interface UpTo {
  /** Up to this message. */
  seq: number;
}

/** An upload on its way, or the file that it has become. */
export interface Upload {
  file?: Attachment | null;
  /** The upload, and the file once it is whole. */
  id: Id;
  /** How many it will have. */
  length: number;
  /** How many bytes are there. */
  offset: number;
}

/** `POST /files`, as `multipart/form-data`. */
export interface UploadForm {
  /** How long it plays, for sound and films whose format does not say. */
  duration_ms?: number | null;
  /** The file, with its name; after the other fields. */
  file: string;
  /** What it is meant as: `auto`, `voice` (a spoken message) or `document` (kept as it is). */
  kind?: string | null;
  /** A picture that stands for a film until it plays. */
  poster?: string | null;
}

/** A person as others see it. */
export interface User {
  /** What the person says of itself. */
  about?: string;
  avatar?: Id | null;
  /** The account was deleted; its messages stay. */
  deleted?: boolean;
  /** Who it is. */
  id: Id;
  /** The name; empty for a deleted account. */
  name: string;
}

/** Whether a report was right. */
export type Verdict = 'upheld' | 'dismissed';

/** Proves that one reads mail at an address. */
export interface VerifyAddress {
  /** The six digits from the mail. */
  code: string;
  /** The address that the account is to have. */
  email: string;
}

/** A group that people wait to be let into. */
export interface WaitingGroup {
  /** The group. */
  chat: Id;
  /** How many people wait. */
  waiting: number;
}

/** The groups that people wait to be let into. */
export interface WaitingGroups {
  /** In the order of their ids; those of which the caller is an admin and where somebody waits. */
  groups: WaitingGroup[];
}

/** Says whose online state is on screen; whoever was named before is so no more. */
export interface WatchFrame {
  /** Who; at most 100, or nobody. */
  users: Id[];
}

/** Which members of a group. */
export type Who = 'all' | 'admins';

/** What a client may ask on the WebSocket. */
export type Op =
  | 'identify'
  | 'message.send'
  | 'message.edit'
  | 'message.delete'
  | 'message.react'
  | 'message.pin'
  | 'message.hide'
  | 'message.forward'
  | 'read'
  | 'delivered'
  | 'typing'
  | 'presence.watch'
  | 'call.start'
  | 'call.accept'
  | 'call.reject'
  | 'call.cancel'
  | 'call.hangup'
  | 'call.alive'
  | 'call.restart'
  | 'call.signal'
  | 'call.report'
  | 'call.get'
  | 'sync'
  | 'ping';
