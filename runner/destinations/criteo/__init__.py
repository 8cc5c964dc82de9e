"""Criteo's API: the only package that knows its URLs and JSON.

`kinds` says what the rest may know. Top to bottom: `connect` opens a client, `marketing_solutions` and `retail_media`
say what is called, `account_client` makes the calls that both have, `api_client` makes one call: paced (`rate_limit`),
authorised (`auth`), repeated (`retries`) over `http`. `error_envelope` and `api_errors` read what is wrong, `payloads`
and `pagination` what is right.
"""
