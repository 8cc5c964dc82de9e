-- Households with children, as far as one can tell: those that said so, and those that buy what small children need.
with families as (
    select household_id
    from shop.demographics
    where kids_count <> '0'

    union

    select household_id
    from shop.transactions
    join shop.products using (product_id)
    where product_category in (
            'BABY FOODS', 'BABYFOOD', 'BABY HBC', 'DIAPERS & DISPOSABLES', 'INFANT CARE PRODUCTS', 'INFANT FORMULA'
        )
      and transaction_timestamp >= date '{{ today }}' - interval 60 days
      and transaction_timestamp < date '{{ today }}'
),

-- Only those who still shop here.
active as (
    select distinct household_id
    from shop.transactions
    where transaction_timestamp >= date '{{ today }}' - interval 60 days
      and transaction_timestamp < date '{{ today }}'
)

select email, mobile_ad_id
from shop.households
semi join families using (household_id)
semi join active using (household_id)
