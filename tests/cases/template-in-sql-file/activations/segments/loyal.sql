select email
from shop.customers
where seen > '{{ today }}' and n > {{ var('n') }}
