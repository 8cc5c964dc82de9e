"""Every function of DuckDB, judged: those that segment SQL may call, by their purpose, and the others, by the reason.

A function may be called when it computes something of its arguments and nothing else: it reveals nothing of the
machine, the session, the catalog or another query, reads and writes nothing, runs no SQL, does not wait and needs no
extension. A release of DuckDB that brings a function of another name fails a test until somebody has put it on one of
the lists.

Operators are functions too (`x || y` calls `||`). Names are in lower case.
"""

from __future__ import annotations

from collections.abc import Mapping

_OPERATORS = """
    != !~~ !~~* % & && * ** + - ->> / // < <-> << <= <=> <@ = > >= >> @ @> ^ ^@ | || ~ ~~ ~~* ~~~
    add divide multiply subtract xor ilike_escape like_escape not_ilike_escape not_like_escape
"""

_TEXT = """
    array_to_string array_to_string_comma_default ascii bar bit_length char_length character_length chr concat concat_ws
    contains ends_with format format_bytes formatreadabledecimalsize formatreadablesize instr lcase left left_grapheme
    len length length_grapheme lower lpad ltrim nfc_normalize octet_length ord overlay parse_dirname parse_dirpath
    parse_filename parse_formatted_bytes parse_path path_join pg_size_pretty position prefix printf repeat replace
    reverse right right_grapheme rpad rtrim split split_part starts_with str_split string_split string_to_array
    strip_accents strlen strpos substr substring substring_grapheme suffix translate trim ucase unicode upper
"""

_LIKENESS = """
    damerau_levenshtein editdist3 hamming jaccard jaro_similarity jaro_winkler_similarity levenshtein mismatches
"""

_ENCODINGS = """
    base64 bin decode encode from_base64 from_binary from_hex hash hex md5 md5_number md5_number_lower md5_number_upper
    sha1 sha256 to_base to_base64 to_binary to_hex unbin unhex url_decode url_encode
    uuid_extract_timestamp uuid_extract_version
"""

_REGULAR_EXPRESSIONS = """
    regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table str_split_regex string_split_regex
"""

_NUMBERS = """
    abs acos acosh asin asinh atan atan2 atanh binom bit_count bit_position bitstring cbrt ceil ceiling cos cosh cot
    decimal_division degrees equi_width_bins even exp factorial fdiv floor fmod gamma gcd get_bit greatest
    greatest_common_divisor is_histogram_other_bin isfinite isinf isnan lcm least least_common_multiple lgamma ln log
    log10 log2 mod nextafter pi pow power radians round round_even roundbankers set_bit sign signbit sin sinh sqrt tan
    tanh trunc
"""

_DATES = """
    age century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname
    dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us era hour isodow isoyear julian
    last_day make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz microsecond
    millennium millisecond minute month monthname nanosecond normalized_interval quarter second strftime strptime
    time_bucket timezone timezone_hour timezone_minute to_centuries to_days to_decades to_hours to_microseconds
    to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years try_strptime
    week weekday weekofyear year yearweek
"""

_LISTS = """
    aggregate apply array_aggr array_aggregate array_append array_apply array_cat array_concat array_contains
    array_cosine_distance array_cosine_similarity array_cross_product array_distance array_distinct array_dot_product
    array_extract array_filter array_grade_up array_has array_has_all array_has_any array_indexof array_inner_product
    array_intersect array_length array_negative_dot_product array_negative_inner_product array_pop_back array_pop_front
    array_position array_prepend array_push_back array_push_front array_reduce array_resize array_reverse
    array_reverse_sort array_select array_slice array_sort array_transform array_unique array_value array_where
    array_zip filter flatten generate_series generate_subscripts grade_up list_aggr list_aggregate list_any_value
    list_append list_apply list_approx_count_distinct list_avg list_bit_and list_bit_or list_bit_xor list_bool_and
    list_bool_or list_cat list_concat list_contains list_cosine_distance list_cosine_similarity list_count
    list_distance list_distinct list_dot_product list_element list_entropy list_extract list_filter list_first
    list_grade_up list_has list_has_all list_has_any list_histogram list_indexof list_inner_product list_intersect
    list_kurtosis list_kurtosis_pop list_last list_mad list_max list_median list_min list_mode
    list_negative_dot_product list_negative_inner_product list_pack list_position list_prepend list_product list_reduce
    list_resize list_reverse list_reverse_sort list_select list_sem list_skewness list_slice list_sort list_stddev_pop
    list_stddev_samp list_string_agg list_sum list_transform list_unique list_value list_var_pop list_var_samp
    list_where list_zip range reduce unnest unpivot_list
"""

_STRUCTS_AND_MAPS = """
    cardinality element_at map map_concat map_contains map_contains_entry map_contains_value map_entries map_extract
    map_extract_value map_from_entries map_keys map_values row struct_concat struct_contains struct_extract
    struct_extract_at struct_has struct_indexof struct_insert struct_keys struct_pack struct_position struct_update
    struct_values union_extract union_tag union_value
"""

_JSON = """
    array_to_json from_json from_json_strict json json_array json_array_length json_contains json_deep_merge json_exists
    json_extract json_extract_path json_extract_path_text json_extract_string json_group_array json_group_object
    json_group_structure json_insert json_keys json_merge_patch json_merge_patch_diff json_normalize json_object
    json_pretty json_quote json_remove json_replace json_set json_strip_nulls json_structure json_transform
    json_transform_strict json_type json_valid json_value row_to_json to_json
    variant_array_length variant_contains variant_exists variant_extract variant_extract_string variant_group_array
    variant_group_object variant_keys variant_type variant_typeof
"""

_CHOICES_AND_TYPES = """
    assert_true cast_to_type constant_or_null enum_code enum_first enum_last enum_range enum_range_boundary error if
    nullif pg_typeof switch typeof
"""

_AGGREGATES = """
    any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last
    arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bitstring_agg bool_and
    bool_or corr count count_if count_star countif covar_pop covar_samp entropy favg first fsum geomean geometric_mean
    group_concat histogram histogram_exact kahan_sum kurtosis kurtosis_pop last list listagg lttb mad max max_by mean
    median min min_by mode product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept
    regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness stddev stddev_pop stddev_samp
    string_agg sum sumkahan var_pop var_samp variance wavg weighted_avg
"""

_WINDOWS = """
    cume_dist dense_rank fill first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number
"""

_NOW = """
    ago current_date current_localtime current_localtimestamp get_current_time get_current_timestamp now today
    transaction_timestamp
"""

_CHANCE = "gen_random_uuid random uuid uuidv4 uuidv7"

ALLOWED: Mapping[str, frozenset[str]] = {
    purpose: frozenset(names.split())
    for purpose, names in {
        "operators": _OPERATORS,
        "text": _TEXT,
        "likeness of texts": _LIKENESS,
        "encodings and hashes": _ENCODINGS,
        "regular expressions": _REGULAR_EXPRESSIONS,
        "numbers": _NUMBERS,
        "dates and times": _DATES,
        "lists": _LISTS,
        "structs and maps": _STRUCTS_AND_MAPS,
        "JSON": _JSON,
        "choices and types": _CHOICES_AND_TYPES,
        "aggregates": _AGGREGATES,
        "windows": _WINDOWS,
        "the time of the run": _NOW,
        "chance": _CHANCE,
    }.items()
}
"""What segment SQL may call, by what it is for."""

FUNCTIONS = frozenset().union(*ALLOWED.values())
"""All of them."""

NOW, CHANCE = ALLOWED["the time of the run"], ALLOWED["chance"]
"""Those whose result is another one in each run."""

TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series", "generate_subscripts", "json_each", "json_tree"})
"""What may stand in a FROM."""

_SESSION = """
    current_catalog current_connection_id current_database current_query current_query_id current_role current_schema
    current_schemas current_setting current_transaction_id current_user getenv getvariable in_search_path
    inet_client_addr inet_client_port inet_server_addr inet_server_port pg_conf_load_time pg_postmaster_start_time
    session_user txid_current user version
"""

_CATALOG = """
    alias col_description format_pg_type format_type get_block_size has_any_column_privilege has_column_privilege
    has_database_privilege has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
    has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege
    map_to_pg_oid map_type_id_to_pg_oid obj_description pg_collation_is_visible pg_conversion_is_visible
    pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_viewdef pg_has_role pg_is_other_temp_schema
    pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_table_is_visible
    pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible
    shobj_description stats vector_type which_secret
"""

_RUNS_SQL = "json_deserialize_sql json_execute_serialized_sql json_serialize_plan json_serialize_sql query query_table"

_CHANGES = "currval nextval setseed setval write_log"

_WAITS = "pg_sleep sleep_ms"

_INTERNAL = """
    !__postfix __between __cast __internal_barrier __internal_compressed_materialization_cast
    __internal_compress_geometry_point __internal_compress_integral_ubigint __internal_compress_integral_uinteger
    __internal_compress_integral_usmallint __internal_compress_integral_utinyint __internal_compress_string_hugeint
    __internal_compress_string_ubigint __internal_compress_string_uhugeint __internal_compress_string_uinteger
    __internal_compress_string_usmallint __internal_compress_string_utinyint __internal_decompress_geometry_point
    __internal_decompress_integral_bigint __internal_decompress_integral_hugeint
    __internal_decompress_integral_integer __internal_decompress_integral_smallint
    __internal_decompress_integral_ubigint __internal_decompress_integral_uhugeint
    __internal_decompress_integral_uinteger __internal_decompress_integral_usmallint __internal_decompress_string
    __internal_json_copy_to_geojson __internal_json_copy_to_json __internal_tablefilter_bloom_filter
    __internal_tablefilter_dynamic __internal_tablefilter_optional __internal_tablefilter_prefix_range
    __internal_tablefilter_selectivity_optional bitstring_byte_comparable can_cast_implicitly combine combine_aggr
    create_sort_key decimal_average finalize get_type hive_partition_component icu_sort_key index_key invoke
    json_copy_strftime_if_date json_copy_strftime_if_timestamp make_type parse_duckdb_log_message remap_struct
    replace_type sum_no_overflow timetz_byte_comparable to_aggregate_state variant_bytes_to_variant variant_comparator
    variant_normalize variant_to_parquet_variant
"""

_GEOMETRY = """
    st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_crs st_geomfromgeojson st_geomfromwkb st_intersects_extent
    st_setcrs vertex_extract
"""

REFUSED: Mapping[str, frozenset[str]] = {
    reason: frozenset(names.split())
    for reason, names in {
        "it reads the machine or the session": _SESSION,
        "it reads the catalog": _CATALOG,
        "it runs SQL of its own": _RUNS_SQL,
        "it changes something": _CHANGES,
        "it only waits": _WAITS,
        "it is DuckDB's own, for what SQL is made into": _INTERNAL,
        "it takes shapes apart, which identify nobody": _GEOMETRY,
    }.items()
}
"""What segment SQL may not call, by the reason."""

REFUSED_PREFIXES: Mapping[str, str] = {
    "collate_": "it belongs to `collate`: write x collate ...",
    "icu_collate_": "it belongs to `collate`: write x collate ...",
}
"""Families of functions that are refused, by how their names begin."""

WRITTEN_OTHERWISE = frozenset({"is distinct from", "is not distinct from"})
"""Operators that DuckDB lists as functions and never calls by these names."""


def refusal(name: str) -> str | None:
    """Why a function of DuckDB (in lower case) is refused; None where nobody has judged it, or it is allowed."""
    for reason, names in REFUSED.items():
        if name in names:
            return reason
    return next((reason for start, reason in REFUSED_PREFIXES.items() if name.startswith(start)), None)
