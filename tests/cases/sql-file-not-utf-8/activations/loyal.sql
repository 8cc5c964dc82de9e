select email
from shop.customers where name = 'René'
