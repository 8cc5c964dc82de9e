-- Households that have bought before, but not in the last {{ var('lapsed_days') }} days.
with last_purchase as (
    select household_id, max(transaction_timestamp) as at
    from shop.transactions
    where transaction_timestamp < date '{{ today }}'
    group by household_id
)
select households.email, households.mobile_ad_id
from shop.households
join last_purchase using (household_id)
where last_purchase.at < date '{{ today }}' - interval {{ var('lapsed_days') }} days
