CREATE TABLE `access_tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`token_hash` text NOT NULL,
	`scopes` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`last_used_at` integer,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `access_tokens_token_hash_unique` ON `access_tokens` (`token_hash`);--> statement-breakpoint
CREATE INDEX `access_tokens_account` ON `access_tokens` (`account_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `access_tokens_user` ON `access_tokens` (`user_id`);--> statement-breakpoint
CREATE TABLE `accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`alias` text NOT NULL,
	`alias_key` text NOT NULL,
	`company` text NOT NULL,
	`status` text NOT NULL,
	`require_two_factor` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_alias_key_unique` ON `accounts` (`alias_key`);--> statement-breakpoint
CREATE TABLE `audit_log` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`at` integer NOT NULL,
	`action` text NOT NULL,
	`actor` text NOT NULL,
	`target_kind` text NOT NULL,
	`target_id` text NOT NULL,
	`origin` text,
	`user_agent` text,
	`address` text,
	`details` text NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `audit_log_account` ON `audit_log` (`account_id`,`at`);--> statement-breakpoint
CREATE INDEX `audit_log_target` ON `audit_log` (`target_kind`,`target_id`,`at`);--> statement-breakpoint
CREATE TABLE `delivery_attempts` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`delivery_id` integer NOT NULL,
	`attempt` integer NOT NULL,
	`sent_at` integer NOT NULL,
	`answered_at` integer NOT NULL,
	`status` integer,
	`error` text,
	`reason` text,
	`answer` text,
	FOREIGN KEY (`delivery_id`) REFERENCES `outbox_deliveries`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `delivery_attempts_delivery` ON `delivery_attempts` (`delivery_id`,`id`);--> statement-breakpoint
CREATE TABLE `login_failures` (
	`identity` blob PRIMARY KEY NOT NULL,
	`known` integer NOT NULL,
	`recent` text NOT NULL,
	`second_factor` integer NOT NULL,
	`locked_until` integer NOT NULL,
	`expires_at` integer
);
--> statement-breakpoint
CREATE INDEX `login_failures_expiry` ON `login_failures` (`known`,`expires_at`);--> statement-breakpoint
CREATE TABLE `organizations` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`email` text NOT NULL,
	`description` text NOT NULL,
	`allowed_users` integer NOT NULL,
	`address_line_1` text NOT NULL,
	`address_line_2` text NOT NULL,
	`city` text NOT NULL,
	`state` text NOT NULL,
	`country` text NOT NULL,
	`postal_code` text NOT NULL,
	`reseller_id` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`account_id`,`reseller_id`) REFERENCES `resellers`(`account_id`,`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `organizations_reseller` ON `organizations` (`account_id`,`reseller_id`);--> statement-breakpoint
CREATE INDEX `organizations_name` ON `organizations` (`account_id`,`name`);--> statement-breakpoint
CREATE UNIQUE INDEX `organizations_account_id_id` ON `organizations` (`account_id`,`id`);--> statement-breakpoint
CREATE TABLE `outbox_deliveries` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`event_id` text NOT NULL,
	`webhook_id` text NOT NULL,
	`state` text NOT NULL,
	`attempts` integer NOT NULL,
	`next_attempt_at` integer NOT NULL,
	`claim` text,
	`lease_until` integer,
	`created_at` integer NOT NULL,
	`ended_at` integer,
	FOREIGN KEY (`event_id`) REFERENCES `outbox_events`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`webhook_id`) REFERENCES `webhooks`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "outbox_deliveries_claim" CHECK((state = 'sending') = (claim IS NOT NULL))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `outbox_deliveries_event_webhook` ON `outbox_deliveries` (`event_id`,`webhook_id`);--> statement-breakpoint
CREATE INDEX `outbox_deliveries_pending` ON `outbox_deliveries` (`webhook_id`,`next_attempt_at`,`id`) WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX `outbox_deliveries_held` ON `outbox_deliveries` (`webhook_id`,`id`) WHERE state = 'held';--> statement-breakpoint
CREATE INDEX `outbox_deliveries_held_since` ON `outbox_deliveries` (`next_attempt_at`) WHERE state = 'held';--> statement-breakpoint
CREATE INDEX `outbox_deliveries_sending` ON `outbox_deliveries` (`lease_until`) WHERE state = 'sending';--> statement-breakpoint
CREATE INDEX `outbox_deliveries_webhook` ON `outbox_deliveries` (`webhook_id`,`id`);--> statement-breakpoint
CREATE INDEX `outbox_deliveries_dead` ON `outbox_deliveries` (`webhook_id`,`id`) WHERE state = 'dead';--> statement-breakpoint
CREATE TABLE `outbox_events` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`type` text NOT NULL,
	`body` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `outbox_events_account` ON `outbox_events` (`account_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `outbox_events_created` ON `outbox_events` (`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `pending_two_factor` (
	`user_id` text PRIMARY KEY NOT NULL,
	`secret` blob NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `recovery_codes` (
	`user_id` text NOT NULL,
	`code_hash` blob NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `code_hash`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `resellers` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`email` text NOT NULL,
	`description` text NOT NULL,
	`allowed_users` integer NOT NULL,
	`allowed_organizations` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `resellers_name` ON `resellers` (`account_id`,`name`);--> statement-breakpoint
CREATE UNIQUE INDEX `resellers_account_id_id` ON `resellers` (`account_id`,`id`);--> statement-breakpoint
CREATE TABLE `roles` (
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`account_id`, `name`),
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `server` (
	`id` integer PRIMARY KEY NOT NULL,
	`key_check` blob NOT NULL,
	`created_at` integer NOT NULL,
	`highest_time` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`user_id` text NOT NULL,
	`generation` integer NOT NULL,
	`generation_at` integer NOT NULL,
	`origin` text,
	`user_agent` text,
	`address` text,
	`created_at` integer NOT NULL,
	`last_used_at` integer NOT NULL,
	`proved_at` integer NOT NULL,
	`proved_second_factor` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`ended_at` integer,
	`end_reason` text,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `sessions_user_live` ON `sessions` (`user_id`,`created_at`) WHERE ended_at IS NULL;--> statement-breakpoint
CREATE INDEX `sessions_account` ON `sessions` (`account_id`);--> statement-breakpoint
CREATE INDEX `sessions_expiry` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE INDEX `sessions_ended` ON `sessions` (`ended_at`) WHERE ended_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`public_key` text NOT NULL,
	`private_key` blob NOT NULL,
	`created_at` integer NOT NULL,
	`signs_from` integer NOT NULL,
	`published_until` integer,
	`longest_token_ttl` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `two_factor` (
	`user_id` text PRIMARY KEY NOT NULL,
	`secret` blob NOT NULL,
	`last_accepted_step` integer NOT NULL,
	`enabled_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `user_metadata` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`key` text NOT NULL,
	`value` text NOT NULL,
	`view_permissions` text NOT NULL,
	`visible` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `user_metadata_user_key` ON `user_metadata` (`user_id`,`key`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`email` text NOT NULL,
	`email_key` text NOT NULL,
	`first_name` text NOT NULL,
	`last_name` text NOT NULL,
	`company` text NOT NULL,
	`role` text NOT NULL,
	`other_roles` text NOT NULL,
	`tags` text NOT NULL,
	`status` text NOT NULL,
	`password_hash` text,
	`password_version` integer NOT NULL,
	`google_sso_enabled` integer NOT NULL,
	`allow_customer_portal_access` integer NOT NULL,
	`email_preference_metrics` integer NOT NULL,
	`organization_id` text,
	`reseller_id` text,
	`last_login_at` integer,
	`last_seen_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`account_id`,`organization_id`) REFERENCES `organizations`(`account_id`,`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`account_id`,`reseller_id`) REFERENCES `resellers`(`account_id`,`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_account_email` ON `users` (`account_id`,`email_key`);--> statement-breakpoint
CREATE INDEX `users_organization` ON `users` (`account_id`,`organization_id`);--> statement-breakpoint
CREATE INDEX `users_reseller` ON `users` (`account_id`,`reseller_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `users_account_id_id` ON `users` (`account_id`,`id`);--> statement-breakpoint
CREATE TABLE `webhook_events` (
	`account_id` text NOT NULL,
	`event` text NOT NULL,
	`webhook_id` text NOT NULL,
	PRIMARY KEY(`account_id`, `event`, `webhook_id`),
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`webhook_id`) REFERENCES `webhooks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhook_events_webhook` ON `webhook_events` (`webhook_id`);--> statement-breakpoint
CREATE TABLE `webhooks` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`url` text NOT NULL,
	`token` blob NOT NULL,
	`signature_format` text NOT NULL,
	`active` integer NOT NULL,
	`health` text NOT NULL,
	`health_reason` text NOT NULL,
	`failures` integer NOT NULL,
	`failing_since` integer,
	`suspended_at` integer,
	`probe_at` integer,
	`probes` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhooks_account` ON `webhooks` (`account_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `webhooks_probe` ON `webhooks` (`probe_at`) WHERE probe_at IS NOT NULL;