/**
 * The section that each reason follows from, for `tessera explain`. The meaning of a reason and what to do are in
 * docs/reasons.md, and nowhere else.
 */

/** Sections and the reasons that they explain. */
const bySection: Readonly<Record<string, string>> = {
  'RFC 6749 §2.3.1':
    'basic_malformed client_id_missing client_secret_expired client_secret_missing ' +
    'client_secret_wrong public_client_sent_credential',
  'RFC 6749 §2.3':
    'client_authentication_method_not_registered client_id_mismatch several_client_credentials',
  'RFC 6749 §3.1, §3.2':
    'malformed_encoding media_type_not_form parameter_missing parameter_too_long ' +
    'repeated_parameter request_too_long too_many_parameters',
  'RFC 6749 §3.1.1': 'response_type_missing response_type_not_allowed response_type_unknown',
  'RFC 6749 §3.1.2.4': 'redirect_uri_missing redirect_uri_not_registered',
  'RFC 6749 §3.3':
    'scope_empty scope_malformed scope_missing scope_not_allowed scope_of_wrong_kind ' +
    'scope_unknown scope_withdrawn',
  'RFC 6749 §4.1.2': 'code_expired code_missing code_replayed code_unknown',
  'RFC 6749 §4.1.3': 'code_of_another_client redirect_uri_differs',
  'draft-ietf-oauth-client-id-metadata-document-03 §4':
    'client_document_keys_elsewhere client_document_of_another_client client_document_unknown ' +
    'client_document_with_secret',
  'RFC 6749 §4.1.2.1':
    'client_disabled client_unknown consent_refused_by_user front_channel_tokens_too_often ' +
    'login_refused_by_user',
  'RFC 6749 §4.3.2':
    'credentials_refused password_missing provider_without_passwords second_factor_needed ' +
    'username_missing',
  'RFC 6749 §5.2':
    'authorization_revoked client_tokens_too_often grant_type_missing grant_type_not_allowed grant_type_unknown ' +
    'lost_twice no_longer_valid subject_is_a_client user_inactive',
  'RFC 6749 §6':
    'offline_access_withdrawn refresh_token_expired refresh_token_idle_too_long ' +
    'refresh_token_malformed refresh_token_missing refresh_token_of_another_client ' +
    'refresh_token_unknown scope_widened',
  'RFC 6749 §10.10':
    'client_guessed_too_often directory_user_limited password_guessed_too_often ' +
    'second_factor_guessed_too_often',
  'RFC 9700 §4.14.2': 'refresh_generation_ahead refresh_rotated_in_future refresh_token_reused',
  'RFC 8705 §4, RFC 9449 §5': 'refresh_token_bound_to_another_key',
  'RFC 9449 §4.3':
    'dpop_algorithm_not_allowed dpop_id_missing dpop_key_invalid dpop_key_missing dpop_key_private ' +
    'dpop_key_unsuitable dpop_method_wrong dpop_proof_malformed dpop_signature_invalid ' +
    'dpop_time_wrong dpop_token_hash_wrong dpop_type_wrong dpop_url_wrong several_dpop_proofs',
  'RFC 9449 §5.2': 'dpop_proof_missing',
  'RFC 9449 §7.1': 'bearer_token_as_dpop token_bound_to_another_key',
  'RFC 9449 §7.2': 'bound_token_as_bearer',
  'RFC 9449 §8, §9': 'dpop_nonce_expired dpop_nonce_missing',
  'RFC 9449 §10': 'code_bound_to_another_key dpop_jkt_malformed',
  'RFC 9449 §10.1': 'dpop_jkt_differs',
  'RFC 9449 §11.1': 'dpop_proof_replayed',
  'RFC 7518 §3.3, §3.5': 'dpop_key_too_small',
  'RFC 8705 §2':
    'client_certificate_expired client_certificate_malformed client_certificate_missing ' +
    'client_certificate_not_registered client_certificate_of_another_subject',
  'RFC 8705 §3':
    'actor_token_bound_to_another_key binding_certificate_missing extension_token_bound_to_another_key ' +
    'subject_token_bound_to_another_key token_binding_unknown token_bound_to_another_certificate ' +
    'token_certificate_missing',
  'RFC 7636 §4.2': 'code_challenge_malformed',
  'RFC 7636 §4.3': 'code_challenge_method_not_allowed code_challenge_plain',
  'RFC 7636 §4.4.1, RFC 9700 §2.1.1': 'code_challenge_missing',
  'RFC 7636 §4.6': 'code_verifier_missing code_verifier_wrong',
  'RFC 9700 §4.8': 'code_verifier_unexpected',
  'RFC 7523 §3':
    'assertion_invalid assertion_lifetime_invalid assertion_replayed assertion_subject_unknown ' +
    'client_assertion_audience_wrong client_assertion_from_the_future ' +
    'client_assertion_identity_mismatch client_assertion_invalid client_assertion_lives_too_long ' +
    'client_assertion_malformed client_assertion_replayed client_assertion_without_end ' +
    'client_assertion_without_id client_assertions_too_often workload_identity_unknown ' +
    'workload_issuer_unavailable',
  'RFC 7521 §4.2': 'client_assertion_incomplete client_assertion_missing client_assertion_type_unknown',
  'RFC 8725 §3.11': 'client_assertion_type_wrong request_object_type_wrong',
  'RFC 8628 §3.5': 'device_code_expired device_denied device_pending device_polled_too_fast',
  'RFC 8628 §3.4':
    'device_code_missing device_code_of_another_client device_code_unknown device_code_used ' +
    'device_code_used_with_another_key',
  'RFC 8628 §3.3': 'device_authorization_gone',
  'RFC 8628 §5.1': 'user_code_guesses_exhausted user_code_unknown user_codes_exhausted',
  'RFC 8693 §2.1':
    'actor_token_missing actor_token_type_unsupported requested_token_type_unsupported ' +
    'subject_token_type_unsupported',
  'RFC 8693 §2.2.2': 'actor_token_invalid exchange_refused_by_policy subject_token_invalid',
  'RFC 8693 §4.4': 'actor_not_allowed',
  'RFC 8707 §2': 'resource_malformed resource_not_agreed resource_outside_scope ' + 'resource_unknown',
  'RFC 9068 §2.1': 'access_token_typs_conflict signing_algorithms_conflict',
  'FAPI 2.0 Security Profile §5.4.1': 'signing_algorithm_not_permitted',
  'RFC 6750 §2': 'several_access_tokens',
  'RFC 6750 §3.1':
    'token_authorization_revoked token_client_disabled token_client_revoked token_expired token_of_another_server token_origin_revoked ' +
    'token_revoked token_signature_invalid token_subject_unknown token_too_long token_unknown',
  'RFC 7662 §2.1': 'public_client_introspects token_missing',
  'RFC 7662 §2.2': 'token_of_another_caller',
  'OpenID Connect Core 1.0 §5.3': 'token_without_openid token_without_user',
  'OpenID Connect Core 1.0 §3.1.2.6':
    'consent_required login_required second_factor_required signed_in_as_another_user',
  'OpenID Connect Core 1.0 §3.1.2.1':
    'acr_values_idp_malformed acr_values_tenant_malformed id_token_hint_invalid max_age_malformed ' +
    'prompt_none_with_others prompt_unknown scope_openid_missing',
  'OpenID Connect Core 1.0 §3.1.2.6, §7': 'parameter_not_supported',
  'OpenID Connect Core 1.0 §3.2.2.1': 'nonce_missing',
  'OpenID Connect Core 1.0 §5.5': 'claims_malformed claims_too_many',
  'OpenID Connect Core 1.0 §5.5.1.1': 'acr_not_reached',
  'OpenID Connect Core 1.0 §11':
    'scope_offline_access_not_derivable scope_offline_access_without_code ' +
    'scope_offline_access_without_refresh',
  'OpenID Connect Core 1.0 §8.1':
    'client_identifiers_changed extension_subject_of_another_sector sector_identifier_incomplete ' +
    'sector_identifier_not_fetched sector_identifiers_too_many_waiting',
  'Initiating User Registration 1.0 §4.1': 'prompt_create_with_others sign_up_not_offered',
  'OAuth 2.0 Multiple Response Type Encoding Practices §2.1': 'response_mode_query response_mode_unknown',
  'OAuth 2.0 Form Post Response Mode §2': 'response_mode_form_post',
  'JWT Secured Authorization Response Mode §2.3': 'response_mode_unsigned',
  'OpenID Connect RP-Initiated Logout 1.0 §2':
    'id_token_hint_of_another_client logout_token_not_made logout_token_refused post_logout_redirect_uri_without_client ' +
    'sign_out_state_too_long',
  'OpenID Connect RP-Initiated Logout 1.0 §3': 'post_logout_redirect_uri_not_registered',
  'OpenID Connect Back-Channel Logout 1.0 §2.6':
    'upstream_logout_token_invalid upstream_logout_token_missing upstream_logout_token_replayed',
  'RFC 9126 §2': 'pushed_request_by_reference pushed_request_required',
  'RFC 9126 §4': 'pushed_request_unknown pushed_request_used',
  'RFC 9101 §5': 'request_and_request_uri request_object_missing',
  'RFC 9101 §4': 'request_object_malformed request_object_nested request_object_parameters_malformed',
  'RFC 9101 §5.2':
    'request_uri_media_type_wrong request_uri_not_fetched request_uri_not_registered ' +
    'request_uris_too_many_waiting',
  'RFC 9101 §6':
    'request_object_audience_wrong request_object_client_id_mismatch ' +
    'request_object_encryption_wrong request_object_issuer_wrong request_object_mismatch ' +
    'request_object_signature_invalid request_object_unsigned',
  'FAPI 2.0 Message Signing §5.3':
    'request_object_expired request_object_from_the_future request_object_lives_too_long ' +
    'request_object_too_old request_object_without_lifetime',
  'RFC 7591 §3.1':
    'client_metadata_not_json client_metadata_too_large initial_access_token_invalid ' +
    'initial_access_token_missing media_type_not_json registered_clients_full ' +
    'registrations_too_often',
  'RFC 7591 §2':
    'client_metadata_invalid client_metadata_not_allowed client_metadata_unsupported ' +
    'client_redirect_uri_invalid',
  'RFC 7591 §2.3': 'software_statement_invalid software_statement_issuer_unknown software_statement_missing',
  'RFC 7592 §2':
    'client_update_malformed registered_client_unknown registration_token_invalid ' +
    'registration_token_missing registration_token_replaced',
  'RFC 9700 §4.7':
    'csrf_token_wrong upstream_browser_unknown upstream_state_malformed upstream_state_unknown',
  'RFC 9700 §4.4': 'upstream_mixed_up',
  'OpenID Connect Back-Channel Logout 1.0 §2.7': 'upstream_session_ended',
  'OpenID Connect Core 1.0 §3.1.3.7': 'upstream_answer_invalid upstream_sign_in_too_old',
  'OpenID Connect Core 1.0 §5.3.2': 'upstream_userinfo_invalid',
  'RFC 6749 §4.1.2.1, §5.2': 'upstream_access_denied upstream_refused upstream_refused_code',
  'RFC 6238 §5.2': 'totp_used',
  'RFC 6238 §4.2': 'totp_wrong',
  'Web Authentication Level 3 §7':
    'passkey_challenge_invalid passkey_counter_regressed passkey_malformed passkey_not_added ' +
    'passkey_of_another_place passkey_of_another_user passkey_proof_wrong passkey_unknown',
  'RFC 4513 §5.1': 'directory_bind_refused directory_password_empty',
}

/** Rules of this server that no specification defines. */
const ofThisServer =
  'access_token_type_not_allowed account_changed account_configured account_taken account_unknown button_unknown claim_not_allowed ' +
  'client_keys_unavailable client_redirect_blocked client_secret_queue_full clock_skewed continuation_expired continuation_invalid ' +
  'credential_authority_unavailable directory_claims_too_large directory_entry_without_id ' +
  'directory_name_unfit directory_user_ambiguous directory_user_inactive directory_user_unknown ' +
  'dpop_for_certificate_client dpop_proof_too_long ' +
  'extension_chain_too_long extension_client_unknown extension_grant_threw ' +
  'extension_lifetime_invalid extension_refused extension_subject_not_derived ' +
  'extension_subject_token_expired factor_not_named hook_failed hook_result_invalid ' +
  'hook_timed_out host_not_loopback identity_linked_elsewhere identity_links_exhausted last_factor_required ' +
  'linked_user_gone linking_session_gone local_login_disabled mail_asked_too_often ' +
  'mail_link_invalid mail_link_of_another_account membership_malformed passkey_sign_in_not_offered ' +
  'password_queue_full password_unfit provider_not_allowed provider_user_refused ' +
  'sealed_client_unknown stored_user_hidden ' +
  'reader_not_on_loopback recovery_code_wrong schema_too_new tenant_not_allowed tenant_unknown ' +
  'too_many_waiting totp_enrolment_invalid upstream_answer_too_large upstream_asked_too_often ' +
  'upstream_unreachable upstream_without_sign_out user_of_another_tenant username_is_address ' +
  'username_malformed username_taken validator_refused'

/** The section of each reason; undefined for the rules of this server. */
export const sections: ReadonlyMap<string, string | undefined> = new Map<string, string | undefined>([
  ...ofThisServer.split(' ').map(reason => [reason, undefined] as const),
  ...Object.entries(bySection).flatMap(([section, reasons]) =>
    reasons.split(' ').map(reason => [reason, section] as const),
  ),
])
