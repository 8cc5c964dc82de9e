-- The fifth of the meat buyers that spent most on meat in the last 90 days.
with meat as (
    select transactions.household_id, sum(transactions.sales_value) as spent
    from shop.transactions
    join shop.products using (product_id)
    where products.department in ('MEAT', 'MEAT-PCKGD')
      and transactions.transaction_timestamp >= date '{{ today }}' - interval 90 days
      and transactions.transaction_timestamp < date '{{ today }}'
    group by transactions.household_id
    qualify percent_rank() over (order by spent desc) < 0.2
)
select email
from shop.households
semi join meat using (household_id)
