"""Where the addresses of the demo world are: networks of real providers, coarsely."""

from devstack.geoip import Network

# Where a browser on the developer's own machine seems to be: New York.
DEV_CLIENT_IP = "24.90.12.34"

DEMO_NETWORKS = (
    Network("24.90.0.0/16", "US", "NY", "New York", "Spectrum"),
    Network("73.15.0.0/16", "US", "CA", "San Francisco", "Comcast Cable"),
    Network("99.100.0.0/16", "US", "TX", "Dallas", "AT&T Internet"),
    Network("98.110.0.0/16", "US", "MA", "Boston", "Verizon Fios"),
    Network("172.56.0.0/16", "US", None, None, "T-Mobile USA"),
    Network("2601:640::/28", "US", "CA", "San Jose", "Comcast Cable"),
    Network("2600:1000::/28", "US", None, None, "Verizon Wireless"),
    Network("70.24.0.0/16", "CA", "QC", "Montreal", "Bell Canada"),
    Network("99.224.0.0/16", "CA", "ON", "Toronto", "Rogers Cable"),
    Network("2607:fea8::/32", "CA", "ON", "Toronto", "Rogers Cable"),
    Network("86.128.0.0/12", "GB", "ENG", "London", "BT"),
    Network("82.0.0.0/13", "GB", "SCT", "Edinburgh", "Virgin Media"),
    Network("2a00:23c0::/26", "GB", "ENG", "Manchester", "BT"),
    Network("91.64.0.0/14", "DE", "BE", "Berlin", "Vodafone Germany"),
    Network("79.192.0.0/10", "DE", "BY", "Munich", "Deutsche Telekom"),
    Network("2003::/19", "DE", None, None, "Deutsche Telekom"),
    Network("82.224.0.0/11", "FR", "IDF", "Paris", "Free SAS"),
    Network("90.0.0.0/10", "FR", "ARA", "Lyon", "Orange"),
    Network("2a01:e00::/26", "FR", None, None, "Free SAS"),
    Network("80.24.0.0/13", "ES", "MD", "Madrid", "Telefonica de Espana"),
    Network("2a02:9000::/23", "ES", "CT", "Barcelona", "Orange Spain"),
    Network("79.0.0.0/10", "IT", "RM", "Rome", "TIM"),
    Network("93.32.0.0/11", "IT", "MI", "Milan", "Fastweb"),
    Network("84.24.0.0/13", "NL", "NH", "Amsterdam", "Ziggo"),
    Network("2001:1c00::/23", "NL", "ZH", "Rotterdam", "Ziggo"),
    Network("84.208.0.0/13", "NO", "03", "Oslo", "Telia Norge"),
    Network("2a01:798::/32", "NO", "46", "Bergen", "Telenor Norge"),
    Network("177.32.0.0/14", "BR", "SP", "São Paulo", "Claro NXT"),
    Network("189.4.0.0/14", "BR", "RJ", "Rio de Janeiro", "Claro NXT"),
    Network("2804:14c::/31", "BR", "SP", "Campinas", "Claro NXT"),
    Network("122.160.0.0/13", "IN", "DL", "Delhi", "Bharti Airtel"),
    Network("49.32.0.0/12", "IN", "MH", "Mumbai", "Reliance Jio"),
    Network("2405:200::/29", "IN", "KA", "Bengaluru", "Reliance Jio"),
    Network("126.0.0.0/9", "JP", "13", "Tokyo", "SoftBank"),
    Network("2400:2400::/23", "JP", "27", "Osaka", "SoftBank"),
    Network("1.128.0.0/11", "AU", "NSW", "Sydney", "Telstra"),
    Network("2001:8000::/20", "AU", "VIC", "Melbourne", "Telstra"),
    Network("114.240.0.0/12", "CN", "BJ", "Beijing", "China Unicom"),
    Network("95.24.0.0/13", "RU", "MOW", "Moscow", "Beeline"),
    Network("116.14.0.0/15", "SG", None, "Singapore", "Singtel"),
)
