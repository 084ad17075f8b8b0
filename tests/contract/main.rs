//! The contracts of the ports, as tests that run against every adapter: the store here, the
//! objects in `objects`.
//!
//! Each other module beside this file tests one noun through `Arc<dyn Store>`, with a fresh store
//! for each test. A new adapter adds a few lines at the end of this file; a new test adds its name
//! to the list (the compiler warns of one that was forgotten). What only the embedded store
//! promises (its file, its recovery) is in `embedded`.

#[path = "../harness/mongo.rs"]
mod mongo_server;
#[path = "../harness/proxy.rs"]
mod proxy;
#[path = "../harness/s3.rs"]
mod s3_server;
mod support;

mod alerts;
mod calls;
mod changes;
mod chats;
mod claims;
mod contacts;
mod door;
mod exports;
mod files;
mod groups;
mod messages;
mod nodes;
mod operators;
mod people;
mod pushes;
mod recoveries;
mod reports;
mod rules;
mod sessions;
mod terms;
mod trends;
mod upkeep;
mod users;

mod copies;
mod embedded;
mod growth;
mod mongo;
mod older;
mod plans;

mod objects;

/// Makes each test of the suite one for the store that `$open` gives.
macro_rules! contract {
    ($open:path) => {
        contract! { $open =>
            users {
                an_address_signs_up_once
                a_verified_address_is_taken
                racing_sign_ups_make_one_account
                a_profile_changes_field_by_field
                a_deleted_account_leaves_an_empty_row
                an_account_moves_with_its_code_and_keeps_one_session
                an_account_moves_nowhere_unless_all_is_as_the_move_says
                racing_moves_to_one_address_give_it_to_one_account
                blocks_have_a_direction
            }
            sessions {
                a_quota_counts_in_fixed_windows
                a_quota_that_is_used_up_leaves_the_others_as_they_are
                what_is_given_back_can_be_taken_again
                a_quota_holds_in_a_race
                a_code_is_guessed_at_so_often_and_no_more
                a_window_of_a_clock_that_was_wrong_counts_for_nothing
                an_address_has_the_codes_of_all_who_asked
                the_code_that_is_redeemed_says_what_the_account_becomes
                a_login_makes_its_places_known
                racing_guesses_are_all_counted
                fifty_racing_redeems_open_one_session
                a_code_opens_no_session_of_somebody_else
                sessions_are_listed_touched_and_closed
            }
            door {
                an_invitation_comes_back_as_it_was_put
                an_invitation_lets_in_so_many_and_no_more
                a_closed_door_lets_in_the_first_alone
                who_is_in_logs_in_whatever_the_door_says
                an_invitation_that_has_expired_lets_nobody_in
            }
            exports {
                a_copy_comes_back_as_it_was_put_and_goes_with_its_account
                a_step_of_a_copy_is_stored_once
                copies_are_due_in_their_order
            }
            recoveries {
                recovery_codes_come_back_as_they_were_put_and_go_with_their_account
                a_recovery_code_opens_one_session_of_its_account
                fifty_racing_uses_of_a_recovery_code_open_one_session
                a_mailed_code_makes_recovery_codes_once
                recovery_codes_go_with_a_move_that_keeps_no_session
                a_suspended_person_keeps_their_recovery_codes
            }
            alerts {
                alerts_come_back_as_they_were_said
                a_mail_is_due_once_and_noted_once
            }
            operators {
                a_suspended_person_has_no_session_and_gets_none
                no_login_comes_between_a_suspension_and_its_end
                every_act_leaves_one_row
                an_act_that_was_cut_off_after_its_row_is_done_by_a_repeat
                an_act_that_finds_nothing_leaves_no_row
                an_address_moves_to_the_new_one
                the_role_is_taken_once
                people_and_groups_are_listed_and_counted
            }
            pushes {
                a_subscription_comes_back_as_it_was_put
                a_device_is_in_one_session
                a_subscription_goes_with_its_session
                who_is_subscribed_is_found_among_the_members
            }
            chats {
                a_direct_chat_is_opened_once
                a_group_is_created_once
                members_come_in_the_order_of_their_ids
                cursors_only_grow_and_stay_below_the_head
                racing_cursors_end_at_the_highest
                what_a_member_sets_for_itself
                the_inbox_tells_each_change_of_a_member_row_once
                a_message_moves_no_inbox
                a_list_is_paged_while_its_chats_become_active
                mentions_are_counted_exactly
                progress_tells_how_far_those_are_who_show_it
                invitation_links
                chats_and_members_are_read_together
            }
            contacts {
                a_request_is_asked_and_accepted
                a_request_is_over_after_thirty_days
                racing_texts_of_a_request_are_five
                who_ask_each_other_at_once_are_contacts
                who_wrote_to_each_other_need_not_ask
                people_who_are_apart_are_not_acquainted
                nobody_is_tied_to_a_deleted_account
                what_a_person_lets_others_do_is_kept
            }
            groups {
                a_step_changes_fields_and_tells_it
                who_comes_back_sees_what_follows
                a_guard_that_no_longer_holds_stops_everything
                of_racing_steps_under_one_guard_one_wins
                an_invitation_link_lets_in_so_many
                a_deleted_group_has_nobody_and_takes_no_step
                a_group_holds_twenty_thousand
                banned_people_are_listed
            }
            rules {
                rules_and_a_notice_come_back_and_stay_until_they_change
                only_admins_write_where_the_rules_say_so
                a_silenced_member_says_nothing_until_then
                nothing_is_acked_after_a_rule_was
                slow_mode_is_exact_when_one_person_sends_many_at_once
                a_step_that_rests_on_rules_needs_them_to_be_so
                admins_are_those_who_lead_a_group_and_are_in_it
                who_asks_waits_and_is_let_in_or_refused
                so_many_wait_and_a_link_is_used_up_by_asking
            }
            people {
                a_deleted_account_is_taken_in_nowhere
                a_person_is_in_so_many_groups
                a_chat_that_one_opened_is_the_others_with_its_first_message
                who_shares_a_chat_is_acquainted
                links_end_with_their_makers_rank
                racing_links_and_pins_stay_within_their_bounds
            }
            messages {
                a_direct_chat_begins_with_its_first_message
                nobody_begins_a_chat_of_two_others
                racing_first_messages_make_one_chat
                parallel_appends_get_one_dense_order
                appends_queued_in_turn_get_ascending_seqs
                a_repeated_key_gives_the_earlier_message
                a_message_comes_back_as_it_was_written
                history_is_paged_both_ways
                what_a_member_hides_only_that_member_misses
                a_look_shows_what_its_viewer_may_see
                an_edit_keeps_the_earlier_texts
                a_deleted_message_leaves_a_tombstone
                only_members_change_messages
                reactions_are_counted_and_named_in_order
                many_reactors_are_listed_page_by_page
                pins_are_listed_latest_first
            }
            reports {
                a_report_is_put_once_and_comes_back_as_it_was_written
                reports_are_listed_by_stage_page_by_page
                of_racing_steps_of_a_report_one_is_stored
                a_deleted_account_leaves_its_reports_without_its_name
                an_answered_report_goes_after_a_year
            }
            trends {
                what_happens_is_added_and_what_is_counted_replaces_what_was
                rows_come_in_their_order_and_go_with_their_age
            }
            calls {
                a_user_is_in_one_live_call
                of_racing_calls_one_begins
                a_step_names_the_version_that_it_saw
                of_racing_steps_one_is_stored
                the_end_is_told_in_the_chat_with_its_step
                a_busy_call_is_told_at_once
                deadlines_are_found_in_order
                calls_are_listed_latest_first
            }
            files {
                a_file_comes_back_as_it_was_written
                a_file_is_put_once_and_within_its_owners_quota
                attachments_stay_with_their_message
                who_sees_a_message_sees_its_files
                a_forwarded_file_is_seen_where_it_went
                a_file_that_stands_in_many_places_is_found_in_one_of_them
                a_persons_picture_is_that_of_whoever_owns_it
                a_groups_picture_is_for_its_members_or_all
                an_unused_file_goes_and_a_used_one_stays
                what_is_used_no_more_goes_once_it_is_kept_no_longer
                a_file_that_was_just_kept_never_goes
                a_deleted_account_takes_its_files_along
                an_account_that_nobody_verified_takes_its_files_along
                files_that_are_put_while_their_owner_goes_go_too
            }
            claims {
                an_object_is_claimed_when_no_file_needs_it
                no_object_is_removed_under_a_new_file
                loose_objects_come_in_the_order_of_their_digests
            }
            changes {
                random_histories_are_read_as_the_model_says
                a_storm_of_changes_is_read_in_bounded_pages
                a_late_member_pays_nothing_for_what_came_before
                several_chats_are_read_like_each_by_itself
                a_reader_ahead_of_the_chat_is_sent_back_to_its_head
            }
            terms {
                terms_come_in_order_of_bytes_then_id_page_by_page
                new_terms_replace_the_old_ones
            }
            nodes {
                a_node_is_there_until_it_leaves_or_is_silent
                a_task_is_one_nodes_until_it_lets_it_lapse
            }
            upkeep {
                a_sweep_removes_what_expired_and_nothing_else
                a_sweep_removes_sessions_and_places_that_nobody_uses
                a_sweep_takes_back_what_a_wrong_clock_has_left
                a_sweep_whose_turn_came_late_leaves_a_code_that_is_newer_than_its_moment
                a_sweep_does_bounded_work_and_says_that_there_is_more
                a_store_has_one_incarnation_until_it_is_renewed
                a_closed_store_says_so
            }
        }
    };
    ($open:path => $($noun:ident { $($test:ident)* })*) => {$(
        mod $noun {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let Some(world) = $open().await else { return };
                    crate::$noun::$test(&world).await;
                    world.ends().await;
                }
            )*
        }
    )*};
}

mod on_embedded {
    contract!(crate::support::embedded);
}

mod on_mongo {
    contract!(crate::mongo::world);
}
